"""Columns that come, go, move and change their names."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.deliveries import in_order
from orchestration.lib.landing.drift import schema_changes
from orchestration.lib.landing.lander import LedgerRow

NOW = datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
CONTRACT = ExportContract(
    source="crm",
    export="contacts",
    description="",
    files=("*.csv",),
    columns=("id", "name", "phone", "city", "note"),
    optional=frozenset({"note"}),
)


def changes(*layouts: str, dialect: str = "csv") -> list[tuple[str, str, str | None]]:
    """What is reported of files with these columns, in order of delivery."""
    rows = [
        LedgerRow(
            file_id=str(number),
            source="crm",
            export="contacts",
            file_name=f"{number}.csv",
            bytes=1,
            rows_delivered=1,
            encoding="utf-8",
            dialect=dialect,
            outcome="landed",
            reason=None,
            landed_at=NOW + timedelta(days=number),
            delivered_at=NOW + timedelta(days=number),
            columns=tuple(layout.split()),
        )
        for number, layout in enumerate(layouts)
    ]
    found = schema_changes(CONTRACT, in_order(CONTRACT, rows))
    return [(each.change, each.column_name, each.was) for each in found]


def test_a_file_as_promised_is_no_change() -> None:
    assert changes("id name phone city", "id name phone city note") == []


def test_the_first_file_is_held_against_the_contract() -> None:
    assert changes("id name phone card") == [
        ("gone", "city", None),
        ("new", "card", None),
    ]


def test_a_change_is_reported_once() -> None:
    layouts = ["id name phone city", "id name phone", "id name phone"]

    assert changes(*layouts) == [("gone", "city", None)]
    assert changes(*layouts, "id name phone city") == [("gone", "city", None)]


def test_a_column_in_the_place_of_another_is_the_same_renamed() -> None:
    assert changes("id name phone city", "id name phone place") == [
        ("renamed", "place", "city")
    ]


def test_a_column_of_a_like_name_is_the_same_renamed_wherever_it_stands() -> None:
    assert changes("id name phone city", "phone_number extra id name city") == [
        ("renamed", "phone_number", "phone"),
        ("new", "extra", None),
    ]


def test_moved_columns_are_told_in_one_line_and_not_at_all_of_json() -> None:
    moved = ["id name phone city", "id phone name city"]

    assert changes(*moved) == [("reordered", "phone", None)]
    assert changes(*moved, dialect="json array") == []


def test_an_export_of_two_layouts_is_no_drift() -> None:
    one, two = "id name phone city left", "id name phone city came"

    assert changes(one, two, one, two) == [("new", "left", None), ("new", "came", None)]


def test_what_a_refused_file_had_does_not_count() -> None:
    [row] = [
        LedgerRow(
            file_id="1", source="crm", export="contacts", file_name="a", bytes=1,
            rows_delivered=0, encoding=None, dialect=None, outcome="refused",
            reason="", landed_at=NOW, delivered_at=NOW,
        )
    ]  # fmt: skip

    assert schema_changes(CONTRACT, in_order(CONTRACT, [row])) == []
    assert in_order(CONTRACT, [replace(row, outcome="landed")])
