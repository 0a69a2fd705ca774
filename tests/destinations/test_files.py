"""The file destination: a list of members, and what each plan changed."""

import csv
from pathlib import Path

from orchestration.lib.activation.destinations.files import FileDestination
from tests.destinations.conftest import World


def members(folder: Path) -> list[dict[str, str]]:
    with (folder / "winback" / "members.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def changes(folder: Path) -> list[list[dict[str, str]]]:
    paths = sorted(
        (folder / "winback" / "changes").glob("*.csv"),
        key=lambda path: path.stat().st_mtime_ns,
    )
    found = []
    for path in paths:
        with path.open(newline="") as file:
            found.append(list(csv.DictReader(file)))
    return found


def test_the_list_holds_the_members_and_the_change_file_the_plan(
    world: World, tmp_path: Path
) -> None:
    applied = world.apply(FileDestination(tmp_path / "outbox", 500))

    assert applied.is_complete
    assert members(tmp_path / "outbox")[0] == {
        "customer_id": "anna",
        "email": "anna@mail.ru",
        "first_name": "anna",
    }
    (first,) = changes(tmp_path / "outbox")
    assert [row["operation"] for row in first] == ["add", "add", "add"]


def test_a_second_run_writes_no_change_file(world: World, tmp_path: Path) -> None:
    outbox = FileDestination(tmp_path / "outbox", 500)
    world.apply(outbox)
    before = (tmp_path / "outbox" / "winback" / "members.csv").read_bytes()

    world.apply(outbox)

    assert len(changes(tmp_path / "outbox")) == 1
    assert (tmp_path / "outbox" / "winback" / "members.csv").read_bytes() == before


def test_one_change_and_one_departure_are_two_rows(
    world: World, tmp_path: Path
) -> None:
    outbox = FileDestination(tmp_path / "outbox", 500)
    world.apply(outbox)
    world.drop("boris")
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )

    world.apply(outbox)

    _, second = changes(tmp_path / "outbox")
    assert [(row["operation"], row["customer_id"]) for row in second] == [
        ("remove", "boris"),
        ("change", "anna"),
    ]
    assert [row["first_name"] for row in members(tmp_path / "outbox")] == [
        "Anya",
        "vera",
    ]


def test_an_audience_without_members_is_a_list_without_rows(
    world: World, tmp_path: Path
) -> None:
    world.execute("delete from audience_winback")

    world.apply(FileDestination(tmp_path / "outbox", 500))

    assert members(tmp_path / "outbox") == []
    assert (tmp_path / "outbox" / "winback" / "members.csv").read_text() == (
        "customer_id,email,first_name\n"
    )


def test_a_name_cannot_become_a_formula(world: World, tmp_path: Path) -> None:
    world.execute(
        "update audience_winback set first_name = '=HYPERLINK(1)'"
        " where customer_id = 'anna'"
    )

    world.apply(FileDestination(tmp_path / "outbox", 500))

    assert members(tmp_path / "outbox")[0]["first_name"] == "'=HYPERLINK(1)"


def test_a_lost_list_is_written_again(world: World, tmp_path: Path) -> None:
    outbox = FileDestination(tmp_path / "outbox", 500)
    world.apply(outbox)
    (tmp_path / "outbox" / "winback" / "members.csv").unlink()

    world.apply(outbox)

    assert len(members(tmp_path / "outbox")) == 3
