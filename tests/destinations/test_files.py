"""The file destination: one file per audience, replaced as a whole."""

import csv
import json
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.activation.destinations.files import FileDestination, FileOptions
from tests.destinations.conftest import World


def outbox(home: Path, **options: str) -> FileDestination:
    return FileDestination("outbox", FileOptions(**options), {}, home)


def members(home: Path) -> list[dict[str, str]]:
    with (home / "outbox/winback/members.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_file_holds_the_members(world: World, tmp_path: Path) -> None:
    assert world.apply(outbox(tmp_path)).is_complete

    assert members(tmp_path)[0] == {
        "customer_id": "anna",
        "email": "anna@mail.ru",
        "first_name": "anna",
    }
    assert [row["customer_id"] for row in members(tmp_path)] == [
        "anna",
        "boris",
        "vera",
    ]
    assert world.held() == {"anna", "boris", "vera"}


def test_a_change_and_a_departure_are_two_attempts_and_one_file(
    world: World, tmp_path: Path
) -> None:
    world.apply(outbox(tmp_path))
    world.drop("boris")
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )

    applied = world.apply(outbox(tmp_path))

    assert applied.acknowledged == 2
    assert [row["first_name"] for row in members(tmp_path)] == ["Anya", "vera"]
    assert world.held() == {"anna", "vera"}


def test_without_a_change_the_file_is_left_alone(world: World, tmp_path: Path) -> None:
    world.apply(outbox(tmp_path))
    file = tmp_path / "outbox/winback/members.csv"
    before = file.stat().st_mtime_ns

    assert world.apply(outbox(tmp_path)).sent == 0

    assert file.stat().st_mtime_ns == before


def test_whoever_may_not_be_sent_is_in_no_file(world: World, tmp_path: Path) -> None:
    world.add("galina", consent=False)

    world.apply(outbox(tmp_path))

    assert "galina" not in (tmp_path / "outbox/winback/members.csv").read_text()


def test_an_audience_without_members_is_a_list_without_rows(
    world: World, tmp_path: Path
) -> None:
    world.execute("delete from audience_winback")

    world.apply(outbox(tmp_path))

    assert (tmp_path / "outbox/winback/members.csv").read_text() == (
        "customer_id,email,first_name\n"
    )


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("@import", "'@import"),
        ("-1+cmd", "'-1+cmd"),
        ("\tx", "'\tx"),
        ("+79991234567", "+79991234567"),
        ("O'Brien", "O'Brien"),
    ],
)
def test_a_name_cannot_become_a_formula(
    world: World, tmp_path: Path, name: str, cell: str
) -> None:
    world.execute(
        "update audience_winback set first_name = ? where customer_id = 'anna'", [name]
    )

    world.apply(outbox(tmp_path))

    assert members(tmp_path)[0]["first_name"] == cell


def test_a_lost_list_is_written_again(world: World, tmp_path: Path) -> None:
    world.apply(outbox(tmp_path))
    (tmp_path / "outbox/winback/members.csv").unlink()

    world.apply(outbox(tmp_path))

    assert len(members(tmp_path)) == 3


def test_json_lines_and_parquet_hold_the_same(world: World, tmp_path: Path) -> None:
    world.apply(outbox(tmp_path))
    world.sync_with(destination="lines")
    world.apply(outbox(tmp_path, format="jsonl"))
    world.sync_with(destination="columns")
    world.apply(outbox(tmp_path, format="parquet"))

    folder = tmp_path / "outbox/winback"
    lines = (folder / "members.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == members(tmp_path)
    found = duckdb.sql(f"from '{folder}/members.parquet'").df()
    assert found.to_dict("records") == members(tmp_path)


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
