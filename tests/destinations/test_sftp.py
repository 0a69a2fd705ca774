"""Lists on a real SSH server."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from orchestration.lib.activation.destinations.sftp import SftpDestination, SftpOptions
from tests.destinations.conftest import World
from tests.destinations.snapshot_conformance import (
    SnapshotConformance,
    SnapshotSubject,
    put,
)
from tests.destinations.test_files import first_names
from tests.places.servers import PASSWORD, Sftp, free_port, running_sftp


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sftp]:
    (tmp_path / "remote/in").mkdir(parents=True)
    with running_sftp(tmp_path / "remote") as server:
        server.trusted(tmp_path / "known_hosts")
        yield server


def connected(
    server: Sftp, login: dict[str, str] | None = None, **options: Any
) -> SftpDestination:
    login = login or {"password_env": PASSWORD}
    known = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "crm360",
        "folder": "/in",
        "known_hosts": str(server.folder.parent / "known_hosts"),
        "attempts": 1,
        **dict.fromkeys(login, "IN_THE_ENVIRONMENT"),
    }
    return SftpDestination("mail", SftpOptions(**known | options), login, Path())


@contextmanager
def breaking(server: Sftp, operation: str, error: Exception) -> Iterator[None]:
    """The server fails at each of these operations."""

    def fail(now: str) -> None:
        if now == operation:
            raise error

    server.on_change = fail
    yield
    server.on_change = lambda operation: None


def subject_of(server: Sftp, file_format: str = "csv") -> SnapshotSubject:
    file = server.folder / f"in/winback.{file_format}"
    return SnapshotSubject(
        connect=lambda: connected(server, format=file_format),
        members=lambda: first_names(file),
        revision=lambda: file.stat().st_mtime_ns,
        lose=file.unlink,
        failing=lambda: breaking(server, "write", asyncssh.SFTPFailure("disk full")),
        before_formulas="'" if file_format == "csv" else "",
        strange=lambda: connected(server, {"password_env": "another"}),
    )


class TestSftp(SnapshotConformance):
    @pytest.fixture
    def subject(self, server: Sftp) -> SnapshotSubject:
        return subject_of(server)


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_the_manifest_says_what_the_file_holds(
    world: World, server: Sftp, file_format: str
) -> None:
    put(world, subject_of(server, file_format))

    name = f"winback.{file_format}"
    content = (server.folder / "in" / name).read_bytes()
    manifest = json.loads((server.folder / f"in/{name}.manifest.json").read_bytes())
    assert manifest == {
        "file": name,
        "members": 3,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert len(first_names(server.folder / "in" / name) or {}) == 3
    assert len(list((server.folder / "in").iterdir())) == 2, "nothing else is left"


def test_a_list_whose_manifest_is_lost_is_put_again(world: World, server: Sftp) -> None:
    subject = subject_of(server)
    put(world, subject)
    manifest = server.folder / "in/winback.csv.manifest.json"
    manifest.unlink()

    put(world, subject)

    assert manifest.exists()


def test_a_connection_that_ends_in_a_file_is_made_again(
    world: World, server: Sftp
) -> None:
    broken: list[str] = []

    def break_once(operation: str) -> None:
        if not broken:
            broken.append(operation)
            raise asyncssh.SFTPConnectionLost("cable")

    server.on_change = break_once

    destination = connected(server, attempts=2)
    assert world.apply(destination).problem is None
    destination.close()

    assert broken == ["write"]
    assert set(subject_of(server).members() or ()) == {"anna", "boris", "vera"}


def test_a_connection_that_ends_while_the_file_is_replaced_leaves_a_doubt(
    world: World, server: Sftp
) -> None:
    subject = subject_of(server)
    with breaking(server, "rename", asyncssh.SFTPConnectionLost("cable")):
        applied = put(world, subject)

    assert applied.unknown == 3
    assert world.held() == set()
    assert put(world, subject).acknowledged == 3


def test_a_key_lets_in_too(world: World, server: Sftp, tmp_path: Path) -> None:
    server.user_key.write_private_key(str(tmp_path / "id"))

    destination = connected(server, {"key_file_env": str(tmp_path / "id")})

    assert world.apply(destination).problem is None
    destination.close()


def test_a_server_that_is_not_known_is_not_sent_to(world: World, server: Sftp) -> None:
    (server.folder.parent / "known_hosts").write_text("")

    problem = world.apply(connected(server)).problem or ""

    assert "ssh-keyscan" in problem
    assert list((server.folder / "in").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"folder": "/absent"}, "/absent"), ({"user": "eve"}, "does not let eve in")],
)
def test_what_is_wrong_is_told(
    world: World, server: Sftp, options: dict[str, str], reason: str
) -> None:
    applied = world.apply(connected(server, **options))

    assert reason in (applied.problem or "")
    assert applied.unknown == 0


def test_a_server_that_is_down_leaves_nobody_in_doubt(
    world: World, server: Sftp
) -> None:
    port = free_port()
    known_hosts = server.folder.parent / "known_hosts"
    known_hosts.write_text(known_hosts.read_text().replace(str(server.port), str(port)))

    applied = world.apply(connected(server, port=port))

    assert str(port) in (applied.problem or "")
    assert applied.unknown == 0


def test_a_password_or_a_key_is_needed() -> None:
    with pytest.raises(ValueError, match="password_env"):
        SftpDestination.capabilities(SftpOptions(host="h", user="u"))
