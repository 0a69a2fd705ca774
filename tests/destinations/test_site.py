"""Documents that a web site looks people up in."""

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.site import SiteDestination, SiteOptions
from orchestration.lib.activation.mapping import MappingError, read_field
from tests.destinations.conformance import use
from tests.destinations.conftest import World
from tests.destinations.snapshot_conformance import (
    SnapshotConformance,
    SnapshotSubject,
    put,
)
from tests.destinations.test_files import something_in_the_way

SALT = "between us and the site"


def site(home: Path, salt: str = "", **options: str) -> SiteDestination:
    secrets = {"salt_env": salt} if salt else {}
    return SiteDestination("site", SiteOptions(**options), secrets, home)


def hashed(email: str, salt: str = "") -> str:
    """As the site does it."""
    plain = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    return hashlib.sha256((salt + plain).encode()).hexdigest() if salt else plain


def found_in(file: Path, salt: str) -> dict[str, Any] | None:
    if not file.exists():
        return None
    members = json.loads(file.read_text())["members"]
    names = {
        hashed(f"{name}@mail.ru", salt): name
        for name in ("anna", "boris", "vera", "galina")
    }
    return {names[key]: fields["first_name"] for key, fields in members.items()}


@pytest.fixture
def subject(world: World, tmp_path: Path) -> SnapshotSubject:
    return subject_of(world, tmp_path, "")


def subject_of(world: World, home: Path, salt: str) -> SnapshotSubject:
    use(world, site(home), {"email": "email", "first_name": "first_name"})
    file = home / "site/winback.json"
    return SnapshotSubject(
        connect=lambda: site(home, salt),
        members=lambda: found_in(file, salt),
        revision=lambda: file.stat().st_mtime_ns,
        lose=file.unlink,
        failing=lambda: something_in_the_way(file.with_name(f".{file.name}.tmp")),
    )


class TestSite(SnapshotConformance):
    @pytest.fixture(params=["", SALT])
    def subject(
        self, world: World, tmp_path: Path, request: pytest.FixtureRequest
    ) -> SnapshotSubject:
        return subject_of(world, tmp_path, request.param)


def test_the_document_is_what_the_site_expects(
    world: World, subject: SnapshotSubject, tmp_path: Path
) -> None:
    put(world, subject)

    document = json.loads((tmp_path / "site/winback.json").read_text())
    assert document == {
        "audience": "winback",
        "count": 3,
        "members": {
            hashed(f"{name}@mail.ru"): {"first_name": name}
            for name in ("anna", "boris", "vera")
        },
    }


def test_neither_contacts_nor_ids_of_customers_are_in_it(
    world: World, subject: SnapshotSubject, tmp_path: Path
) -> None:
    world.execute("update audience_winback set first_name = 'x'")
    put(world, subject)

    text = (tmp_path / "site/winback.json").read_text()

    assert "@" not in text
    assert "anna" not in text


def test_spaces_and_capitals_make_no_other_person(
    world: World, subject: SnapshotSubject, tmp_path: Path
) -> None:
    world.execute(
        "update audience_winback set email = ' Anna@Mail.RU' where customer_id = 'anna'"
    )
    world.execute(
        "update customer_consents set contact_point_hash = sha256(' Anna@Mail.RU')"
        " where customer_id = 'anna'"
    )

    put(world, subject)

    assert set(subject.members() or ()) == {"anna", "boris", "vera"}


def test_a_contact_of_two_customers_is_there_once(
    world: World, subject: SnapshotSubject
) -> None:
    world.execute("update audience_winback set email = 'anna@mail.ru'")
    world.execute(
        "update customer_consents set contact_point_hash = sha256('anna@mail.ru')"
    )

    put(world, subject)

    assert subject.members() == {"anna": "anna"}


def test_values_keep_their_types_and_nulls_are_left_out(
    world: World, subject: SnapshotSubject, tmp_path: Path
) -> None:
    world.execute(
        "create view audience_more as select *, 12.5 as spent, true as is_vip,"
        " date '1990-02-28' as born, case when customer_id = 'anna' then 'Кемь' end as"
        " city from audience_winback"
    )
    fields = {name: name for name in ("email", "spent", "is_vip", "born", "city")}
    world.sync_with(
        audience=dataclasses.replace(world.sync.audience, relation="audience_more"),
        fields=tuple(read_field(name, value) for name, value in fields.items()),
    )
    put(world, subject)

    members = json.loads((tmp_path / "site/winback.json").read_text())["members"]

    about = {"spent": 12.5, "is_vip": True, "born": "1990-02-28"}
    assert members[hashed("anna@mail.ru")] == {**about, "city": "Кемь"}
    assert members[hashed("vera@mail.ru")] == about


def test_the_contact_must_be_mapped(world: World, tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="needs the fields email"):
        use(world, site(tmp_path), {"first_name": "first_name"})
        _ = world.sync.mapping


def test_a_large_list_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    lines = tmp_path / "members.jsonl"
    with lines.open("w") as file:
        for number in range(300_000):
            file.write(
                json.dumps({"customer_id": "c", "email": f"{number:064}", "n": 1})
            )
            file.write("\n")
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from tests.destinations.test_site import site\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "site(Path(sys.argv[1])).put('winback', Path(sys.argv[2]), 300_000)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )

    told = subprocess.run(
        [sys.executable, "-c", program, tmp_path, lines],
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert int(told.stdout) < 5_000, "KiB"
    assert (tmp_path / "site/winback.json").stat().st_size > 20_000_000
