"""SFTP against a real SSH server."""

import os
from datetime import UTC, datetime
from pathlib import Path

import asyncssh
import pytest

from tests.places.conftest import Office
from tests.places.servers import PASSWORD, Sftp, free_port

CONFIG = """
[places.crm]
type = "sftp"
host = "127.0.0.1"
port = {port}
user = "crm360"
folder = "/out"
files = ["*.csv", "*.csv.gz"]
{login}
known_hosts = "{known_hosts}"
attempts = 2
timeout_seconds = 10
"""
MODIFIED = int(datetime(2026, 10, 30, 5, tzinfo=UTC).timestamp())


@pytest.fixture
def desk(office: Office, sftp: Sftp, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("CRM_PASSWORD", PASSWORD)
    configure(office, sftp)
    (sftp.folder / "out").mkdir()
    return office


def configure(
    office: Office, sftp: Sftp, login: str = 'password_env = "CRM_PASSWORD"'
) -> None:
    office.home.mkdir(exist_ok=True)
    known_hosts = sftp.trusted(office.home / "known_hosts")
    office.config = CONFIG.format(port=sftp.port, login=login, known_hosts=known_hosts)


def put(sftp: Sftp, name: str, content: bytes, modified: int = MODIFIED) -> None:
    path = sftp.folder / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (modified, modified))


def test_files_arrive_with_their_folders_and_a_date(desk: Office, sftp: Sftp) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    put(sftp, "eu/Клиенты 2026.csv.gz", b"\x1f\x8b")
    put(sftp, "orders_2026-10-31.csv", b"id\n2\n")
    put(sftp, "readme.txt", b"not asked for")
    put(sftp, ".orders.csv", b"half")

    outcome = desk.fetch()

    assert outcome.problems == []
    assert desk.landed() == {
        "crm/orders_2026-10-30T050000Z.csv": b"id\n1\n",
        "crm/eu/Клиенты 2026_2026-10-30T050000Z.csv.gz": b"\x1f\x8b",
        "crm/orders_2026-10-31.csv": b"id\n2\n",
    }
    assert sorted(outcome.new) == sorted(desk.landed())
    assert outcome.bytes == 12


def test_an_unchanged_file_is_not_fetched_again(desk: Office, sftp: Sftp) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    desk.fetch()
    reads: list[int] = []
    sftp.on_read = lambda: reads.append(1)

    outcome = desk.fetch()

    assert (outcome.new, outcome.unchanged) == ([], 1)
    assert reads == []


def test_a_changed_file_leaves_the_earlier_delivery_alone(
    desk: Office, sftp: Sftp
) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    put(sftp, "orders_2026-10-31.csv", b"id\n1\n")
    desk.fetch()
    before = desk.landed()
    put(sftp, "orders.csv", b"id\n1\n2\n", MODIFIED + 86400)
    put(sftp, "orders_2026-10-31.csv", b"id\n3\n", MODIFIED + 86400)

    outcome = desk.fetch()

    assert outcome.new == [
        "crm/orders_2026-10-31T050000Z.csv",
        "crm/orders_2026-10-31~02.csv",
    ]
    assert before.items() <= desk.landed().items()


def test_a_file_with_a_new_time_and_old_content_lands_once(
    desk: Office, sftp: Sftp
) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    desk.fetch()
    put(sftp, "orders.csv", b"id\n1\n", MODIFIED + 60)

    assert desk.fetch().unchanged == 1
    reads: list[int] = []
    sftp.on_read = lambda: reads.append(1)
    assert desk.fetch().unchanged == 1

    assert reads == [], "the new time is remembered"
    assert len(desk.landed()) == 1


def test_a_file_that_grows_while_it_is_read_is_left_for_later(
    desk: Office, sftp: Sftp
) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    content = b"id\n1\n"

    def grow() -> None:
        nonlocal content
        content *= 2
        put(sftp, "orders.csv", content)

    sftp.on_read = grow

    outcome = desk.fetch()

    assert outcome.problems == ["orders.csv: it is still being written"]
    assert desk.landed() == {}


def test_a_lost_connection_leaves_no_half_file_and_the_next_fetch_goes_on(
    desk: Office, sftp: Sftp
) -> None:
    put(sftp, "a.csv", b"id\n1\n")
    put(sftp, "b.csv", b"x" * 10_000_000)

    served: list[int] = []

    def break_in_the_middle() -> None:
        served.append(1)
        if len(served) > 3:
            raise asyncssh.SFTPConnectionLost("cable")

    sftp.on_read = break_in_the_middle

    outcome = desk.fetch()

    assert len(outcome.problems) == 1
    assert list(desk.landed()) == ["crm/a_2026-10-30T050000Z.csv"]

    sftp.on_read = lambda: None
    assert desk.fetch().new == ["crm/b_2026-10-30T050000Z.csv"]
    assert len(desk.landed()["crm/b_2026-10-30T050000Z.csv"]) == 10_000_000


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../evil.csv", "its name leads out of the landing folder"),
        ("x/../../../evil.csv", "its name leads out of the landing folder"),
        ("a\\..\\evil.csv", "its name holds a backslash"),
        ("a\nb.csv", "its name holds a backslash, a control character"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused_and_others_arrive(
    desk: Office, sftp: Sftp, name: str, reason: str
) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    sftp.pretended = [name]

    outcome = desk.fetch()

    (problem,) = outcome.problems
    shown = name if name.isprintable() else ascii(name)
    assert problem.startswith(f"{shown}: {reason}")
    assert list(desk.landed()) == ["crm/orders_2026-10-30T050000Z.csv"]
    assert not list(desk.home.parent.rglob("*evil*"))


def test_a_link_to_a_file_is_followed_and_one_to_nowhere_is_not(
    desk: Office, sftp: Sftp
) -> None:
    put(sftp, "orders_2026-10-31.csv", b"id\n1\n")
    (sftp.folder / "out" / "latest_2026-10-31.csv").symlink_to("orders_2026-10-31.csv")
    (sftp.folder / "out" / "broken.csv").symlink_to("nothing.csv")
    (sftp.folder / "out" / "loop").symlink_to(".")

    outcome = desk.fetch()

    assert outcome.problems == []
    assert not any(path.is_symlink() for path in desk.landing.rglob("*"))
    assert list(desk.landed()) == [
        "crm/latest_2026-10-31.csv",
        "crm/orders_2026-10-31.csv",
    ]


# -- who is let in, and by whom -----------------------------------------------------


def test_a_server_that_known_hosts_does_not_name_gets_no_password(
    desk: Office, sftp: Sftp
) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (desk.home / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {other}")

    changed = desk.fetch()
    (desk.home / "known_hosts").write_text("")
    unknown = desk.fetch()
    (desk.home / "known_hosts").unlink()
    absent = desk.fetch()

    for outcome in (changed, unknown, absent):
        (problem,) = outcome.problems
        assert f"ssh-keyscan -p {sftp.port} 127.0.0.1" in problem
        assert "known_hosts" in problem
    assert sftp.logins == 0
    assert desk.landed() == {}


def test_a_wrong_password_is_told_without_it_and_tried_once(
    desk: Office, sftp: Sftp, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level("DEBUG")
    monkeypatch.setenv("CRM_PASSWORD", "s3cr3t-of-crm")

    outcome = desk.fetch()

    assert outcome.problems == [
        "127.0.0.1 does not let crm360 in: see that user and password or key are right"
    ]
    assert sftp.logins == 1, "servers lock out who tries often"
    shown = "".join([*capfd.readouterr(), caplog.text, *desk.told])
    assert "s3cr3t-of-crm" not in shown


def test_a_key_lets_in_as_well_as_a_password(
    desk: Office, sftp: Sftp, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(sftp, "orders.csv", b"id\n1\n")
    key = desk.home / "id_ed25519"
    key.write_bytes(sftp.user_key.export_private_key())
    monkeypatch.setenv("CRM_KEY", str(key))
    configure(desk, sftp, 'key_file_env = "CRM_KEY"')

    assert desk.fetch().problems == []
    assert sftp.logins == 0

    key.write_text("no key at all")
    assert str(key) in desk.fetch().problems[0]
    key.unlink()
    assert desk.fetch().problems == [f"there is no private key at {key}"]


def test_a_password_that_is_not_in_the_environment_is_asked_for(
    desk: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRM_PASSWORD")

    assert desk.fetch().problems == ["the environment variable CRM_PASSWORD is not set"]


def test_a_server_that_is_down_and_a_folder_that_is_not_there_are_told(
    desk: Office, sftp: Sftp, tmp_path: Path
) -> None:
    config = desk.config
    desk.config = config.replace('"/out"', '"/nowhere"')
    assert "the folder /nowhere cannot be listed" in desk.fetch().problems[0]

    port = free_port()
    desk.config = config.replace(f"port = {sftp.port}", f"port = {port}")
    assert desk.fetch().problems[0].startswith(f"127.0.0.1 port {port}: ")
