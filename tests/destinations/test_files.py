"""The file destination: one file per audience, replaced as a whole."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.activation.destinations.files import FileDestination, FileOptions
from orchestration.lib.activation.mapping import read_field
from tests.destinations.conftest import World
from tests.destinations.snapshot_conformance import (
    SnapshotConformance,
    SnapshotSubject,
)


def outbox(home: Path, **options: str) -> FileDestination:
    return FileDestination("outbox", FileOptions(**options), {}, home)


def first_names(file: Path) -> dict[str, str] | None:
    """First names by customer, in a file of any format."""
    if not file.exists():
        return None
    if file.suffix == ".csv":
        rows = list(csv.DictReader(io.StringIO(file.read_bytes().decode(), newline="")))
        return {row["customer_id"]: row["first_name"] for row in rows}
    if not file.stat().st_size:
        return {}
    found = duckdb.sql(f"select customer_id, first_name from '{file}'")
    return dict(found.fetchall())


@contextmanager
def something_in_the_way(temporary: Path) -> Iterator[None]:
    """A folder where the new file is to be written."""
    temporary.mkdir(parents=True)
    yield
    temporary.rmdir()


class TestFiles(SnapshotConformance):
    @pytest.fixture(params=["csv", "jsonl", "parquet"])
    def subject(
        self, tmp_path: Path, request: pytest.FixtureRequest
    ) -> SnapshotSubject:
        file = tmp_path / f"outbox/winback/members.{request.param}"
        return SnapshotSubject(
            connect=lambda: outbox(tmp_path, format=request.param),
            members=lambda: first_names(file),
            revision=lambda: file.stat().st_mtime_ns,
            lose=file.unlink,
            failing=lambda: something_in_the_way(file.with_name(f".{file.name}.tmp")),
            before_formulas="'" if request.param == "csv" else "",
        )


def test_the_file_holds_the_members_in_order(world: World, tmp_path: Path) -> None:
    world.apply(outbox(tmp_path))

    assert (tmp_path / "outbox/winback/members.csv").read_text() == (
        "customer_id,email,first_name\n"
        "anna,anna@mail.ru,anna\n"
        "boris,boris@mail.ru,boris\n"
        "vera,vera@mail.ru,vera\n"
    )


def test_a_list_for_a_call_centre_has_the_phones_of_who_agreed_to_calls(
    world: World, tmp_path: Path
) -> None:
    world.by_phone()
    fields = {
        "phone": "phone",
        "name": "first_name",
        "script": {"template": "winback for {first_name}"},
    }
    world.sync_with(
        fields=tuple(read_field(name, value) for name, value in fields.items())
    )
    world.apply(outbox(tmp_path))
    phones = dict(world.marts_rows("select customer_id, phone from audience_winback"))
    world.execute(
        "update customer_consents set is_granted = false"
        " where customer_id = 'boris' and channel = 'sms'"
    )

    world.apply(outbox(tmp_path))

    assert (tmp_path / "outbox/winback/members.csv").read_text() == (
        "customer_id,phone,name,script\n"
        f"anna,{phones['anna']},anna,winback for anna\n"
        f"vera,{phones['vera']},vera,winback for vera\n"
    )


def test_a_folder_that_cannot_be_written_is_a_clear_problem(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "outbox").write_text("a file, not a folder")

    applied = world.apply(outbox(tmp_path))

    assert "cannot write" in (applied.problem or "")
    assert world.held() == set()


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ValueError, match="xlsx"):
        FileDestination.capabilities(FileOptions(format="xlsx"))
