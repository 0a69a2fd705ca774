"""The ledger and the raw tables, kept in step with the landed files."""

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.landing import ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.lander import (
    LedgerRow,
    data_path,
    land_export,
    unclaimed_row,
)
from orchestration.lib.landing.landing_place import LandingFile
from orchestration.lib.warehouse import connect

NOW = datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
ORDERS = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("orders*.csv*",),
    columns=("id", "name", "note"),
    required=frozenset({"id"}),
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(tmp_path / "warehouse.duckdb") as connection:
        ledger.create_ledger(connection, tmp_path / "raw")
        yield connection


def delivered(folder: Path, name: str) -> LandingFile:
    """The file of this name below the folder."""
    return LandingFile(name=name, path=folder / name)


def run(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    *names: str,
    now: datetime = NOW,
) -> list[LedgerRow]:
    """Land files as a run does: heal, land, record; the rows recorded."""
    ledger.create_ledger(connection, folder / "raw")
    landed = list(
        land_export(
            ORDERS,
            [delivered(folder, name) for name in names],
            raw=folder / "raw",
            known=ledger.read(connection, ORDERS),
            now=now,
        )
    )
    ledger.record(connection, landed)
    return landed


def raw_table(
    connection: duckdb.DuckDBPyConnection, folder: Path
) -> list[dict[str, Any]]:
    """The rows of the raw table, in order of landing."""
    ledger.create_raw_table(connection, ORDERS, folder / "raw")
    found = connection.execute("from shop.orders order by _loaded_at, _line")
    names = [column[0] for column in found.description or []]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def outcomes(connection: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """What became of which file."""
    return connection.execute(
        "select file_name, outcome from ops.file_ledger order by file_name"
    ).fetchall()


# -- the ledger ---------------------------------------------------------------------


def test_what_is_recorded_is_read_back_in_order_of_landing(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "orders_b.csv").write_text("id,Card\n1,x\n2\n")
    (tmp_path / "orders_a.csv").write_text("name\nx\n")

    landed = run(warehouse, tmp_path, "orders_b.csv", "orders_a.csv")

    assert ledger.read(warehouse, ORDERS) == [
        replace(
            row,
            landed_at=row.landed_at.replace(tzinfo=None),
            delivered_at=row.delivered_at.replace(tzinfo=None),
        )
        for row in landed
    ]
    assert outcomes(warehouse) == [
        ("orders_a.csv", "refused"),
        ("orders_b.csv", "landed"),
    ]


def test_a_second_try_replaces_the_first(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text("number,name\n1,a\n")
    run(warehouse, tmp_path, "orders.csv")
    lenient = replace(ORDERS, required=frozenset())

    [row] = land_export(
        lenient,
        [delivered(tmp_path, "orders.csv")],
        raw=tmp_path / "raw",
        known=ledger.read(warehouse, ORDERS),
        now=NOW + timedelta(days=1),
    )
    ledger.record(warehouse, [row])

    assert outcomes(warehouse) == [("orders.csv", "landed")]


def test_a_file_of_no_export_is_recorded_and_belongs_to_none(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8")
    row = unclaimed_row(delivered(tmp_path, "photo.jpg"), "not ours")

    ledger.record(warehouse, [row])
    ledger.record(warehouse, [row])

    assert outcomes(warehouse) == [("photo.jpg", "refused")]
    assert ledger.read(warehouse, ORDERS) == []


def test_a_landed_file_whose_row_was_never_written_is_found_again(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text("id,name,note\n1,a,b\n2\n")
    landed = run(warehouse, tmp_path, "orders.csv")
    warehouse.execute("delete from ops.file_ledger")

    again = run(warehouse, tmp_path, "orders.csv", now=NOW + timedelta(days=1))

    assert again == []
    [row] = ledger.read(warehouse, ORDERS)
    assert row == replace(
        landed[0],
        landed_at=row.landed_at.replace(tzinfo=None),
        delivered_at=row.delivered_at.replace(tzinfo=None),
    )
    assert len(raw_table(warehouse, tmp_path)) == 1


def test_a_lost_warehouse_forgets_no_delivery(tmp_path: Path) -> None:
    (tmp_path / "orders_a.csv").write_text("id\n1\n")
    (tmp_path / "orders_b.csv").write_text("id\n2\n")
    with connect(tmp_path / "first.duckdb") as connection:
        run(connection, tmp_path, "orders_a.csv", "orders_b.csv")
        before = raw_table(connection, tmp_path)

    with connect(tmp_path / "second.duckdb") as connection:
        ledger.create_ledger(connection, tmp_path / "raw")

        assert raw_table(connection, tmp_path) == before


def test_healing_leaves_what_is_known_as_it_is(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "orders.csv").write_text("id\n1\n")
    run(warehouse, tmp_path, "orders.csv")
    warehouse.execute("update ops.file_ledger set reason = 'looked at by hand'")

    ledger.create_ledger(warehouse, tmp_path / "raw")

    assert ledger.read(warehouse, ORDERS)[0].reason == "looked at by hand"


# -- the raw tables -----------------------------------------------------------------


def test_a_raw_table_without_deliveries_is_there_and_empty(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    count = ledger.create_raw_table(warehouse, ORDERS, tmp_path / "raw")

    assert count == 0
    assert warehouse.execute(
        "select column_name, data_type from information_schema.columns"
        " where table_name = 'orders' order by ordinal_position"
    ).fetchall() == [
        ("id", "VARCHAR"),
        ("name", "VARCHAR"),
        ("note", "VARCHAR"),
        ("_file_id", "VARCHAR"),
        ("_line", "BIGINT"),
        ("_loaded_at", "TIMESTAMP"),
        ("_delivery", "INTEGER"),
        ("_is_superseded", "BOOLEAN"),
    ]
    assert warehouse.execute("from shop.orders").fetchall() == []


def test_contract_columns_come_first_even_where_no_file_has_them(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "orders_a.csv").write_text("Zip,id,Card\nz,1,c\n")
    (tmp_path / "orders_b.csv").write_text("id,name\n2,b\n")
    landed = run(warehouse, tmp_path, "orders_a.csv", "orders_b.csv")

    table = raw_table(warehouse, tmp_path)

    assert list(table[0]) == [
        "id", "name", "note", "card", "zip", "_file_id", "_line", "_loaded_at",
        "_delivery", "_is_superseded",
    ]  # fmt: skip
    assert [tuple(row.values()) for row in table] == [
        (
            "1", None, None, "c", "z", landed[0].file_id, 2,
            NOW.replace(tzinfo=None), 1, False,
        ),
        (
            "2", "b", None, None, None, landed[1].file_id, 2,
            NOW.replace(tzinfo=None, microsecond=1), 2, False,
        ),
    ]  # fmt: skip


def test_the_count_of_a_raw_table_is_of_its_rows(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    (tmp_path / "orders_a.csv").write_text("id,name,note\n1,a,b\n2\n3,c,d\n")
    (tmp_path / "orders_b.csv").write_text("id,name,note\n1,a,b\n2\n3,c,d\n")
    (tmp_path / "orders_c.csv").write_text("id,name,note\n4,e,f\n")
    (tmp_path / "orders_d.csv").write_text("name\ng\n")
    run(warehouse, tmp_path, *(f"orders_{letter}.csv" for letter in "abcd"))

    count = ledger.create_raw_table(warehouse, ORDERS, tmp_path / "raw")

    assert count == len(raw_table(warehouse, tmp_path)) == 3


def test_what_landed_of_a_cut_file_is_in_the_raw_table(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    packed = gzip.compress(b"id,name,note\n1,a,b\n2,c,d\n", compresslevel=0)
    (tmp_path / "orders.csv").write_bytes(packed[:-8])

    run(warehouse, tmp_path, "orders.csv")

    assert outcomes(warehouse) == [("orders.csv", "partly")]
    assert [row["id"] for row in raw_table(warehouse, tmp_path)] == ["1", "2"]


def test_the_same_deliveries_in_every_run_leave_the_raw_table_as_it_is(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """With a copy among the files, the second run lost the rows of both."""
    names = ["orders_a.csv", "orders_b.csv"]
    for name in names:
        (tmp_path / name).write_text("id\n1\n2\n")
    run(warehouse, tmp_path, *names)
    before = raw_table(warehouse, tmp_path)

    for day in range(1, 4):
        assert run(warehouse, tmp_path, *names, now=NOW + timedelta(days=day)) == []
        assert raw_table(warehouse, tmp_path) == before
    assert len(before) == 2


def test_quotes_in_the_path_of_the_landed_files_do_no_harm(tmp_path: Path) -> None:
    folder = tmp_path / "o'hara"
    folder.mkdir()
    (folder / "orders.csv").write_text("id\n1\n")

    with connect(folder / "warehouse.duckdb") as connection:
        [row] = run(connection, folder, "orders.csv")

        assert data_path(folder / "raw", row).exists()
        assert len(raw_table(connection, folder)) == 1
