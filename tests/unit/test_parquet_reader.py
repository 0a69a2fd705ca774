"""Parquet: every type as the text that stands for its values."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import parquet_reader
from tests.unit.landed import CONTRACT, land


def file(table: pa.Table, **options: Any) -> bytes:
    """The table as a Parquet file."""
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, **options)
    return buffer.getvalue()


def column(values: list[Any], kind: pa.DataType | None = None) -> bytes:
    """A file of ids beside these values."""
    ids = pa.array(range(len(values)), pa.int32())
    return file(pa.table({"id": ids, "name": pa.array(values, kind)}))


NOON = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (5, pa.int64(), "5"),
        (2**63 - 1, pa.int64(), "9223372036854775807"),
        (2**64 - 1, pa.uint64(), "18446744073709551615"),
        (100.0, pa.float64(), "100"),
        (0.29, pa.float64(), "0.29"),
        (1 / 3, pa.float64(), "0.3333333333333333"),
        (1e-7, pa.float64(), "0.0000001"),
        (1e21, pa.float64(), "1000000000000000000000"),
        (0.1, pa.float32(), "0.1"),
        (Decimal("1.50"), pa.decimal128(10, 2), "1.50"),
        (Decimal("0.00000001"), pa.decimal128(20, 8), "0.00000001"),
        (True, pa.bool_(), "true"),
        (False, pa.bool_(), "false"),
        ("00123", pa.string(), "00123"),
        ("a\nb\0c", pa.large_string(), "a\nb\0c"),
        ("Ж😀", pa.dictionary(pa.int8(), pa.string()), "Ж😀"),
        ("", pa.string(), None),
        (None, pa.null(), None),
        (None, pa.float64(), None),
        (b"plain", pa.binary(), "plain"),
        (b"\xff\x00", pa.binary(), "ff00"),
        (date(2026, 3, 14), pa.date32(), "2026-03-14"),
        (datetime(2026, 3, 14, 9, 14), pa.timestamp("us"), "2026-03-14 09:14:00"),
        (datetime(2026, 3, 14), pa.timestamp("ns"), "2026-03-14 00:00:00"),
        (
            datetime(2026, 3, 14, 9, 14, 5, 120_000),
            pa.timestamp("us"),
            "2026-03-14 09:14:05.12",
        ),
        (NOON, pa.timestamp("us", "UTC"), "2026-03-14 12:30:00Z"),
        (NOON, pa.timestamp("ms", "Europe/Moscow"), "2026-03-14 15:30:00+0300"),
        (time(9, 14), pa.time64("us"), "09:14:00"),
        (timedelta(seconds=90), pa.duration("s"), "90"),
        (["b", "a"], pa.list_(pa.string()), '["b", "a"]'),
        (
            {"b": 1, "a": {"at": date(2026, 3, 14), "sum": Decimal("1.50")}},
            pa.struct(
                [
                    ("b", pa.int64()),
                    (
                        "a",
                        pa.struct([("at", pa.date32()), ("sum", pa.decimal128(9, 2))]),
                    ),
                ]
            ),
            '{"a": {"at": "2026-03-14", "sum": "1.50"}, "b": 1}',
        ),
        ([("k", "ж")], pa.map_(pa.string(), pa.string()), '[["k", "ж"]]'),
    ],
)
def test_a_value_is_the_text_that_stands_for_it(
    tmp_path: Path, value: Any, kind: pa.DataType, text: str | None
) -> None:
    assert land(tmp_path, column([value], kind)).column("name") == [text]


def test_records_are_numbered_over_row_groups_and_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_reader, "ROWS_PER_BLOCK", 3)
    table = pa.table({"id": list(range(10)), "name": [f"n{n}" for n in range(10)]})

    landed = land(tmp_path, file(table, row_group_size=4))

    assert landed.cells == [(n + 1, str(n), f"n{n}") for n in range(10)]
    assert landed.ledger.dialect == "parquet; 2 columns; 3 row groups"
    assert (landed.ledger.encoding, landed.ledger.outcome) == (None, "landed")


def test_names_become_columns_as_in_any_header(tmp_path: Path) -> None:
    contract = replace(
        CONTRACT,
        columns=("id", "cost", "currency"),
        aliases={"cost": ("Cost ({currency})",)},
    )
    table = pa.table({"ID": [1], "Cost (EUR)": [1.5], "Имя": ["a"]})

    landed = land(tmp_path, file(table), contract)

    assert landed.cells == [(1, "1", "1.5", "a", "EUR")]
    assert landed.ledger.columns == ("id", "cost", "imya", "currency")


def test_a_file_without_a_required_column_says_what_it_found(tmp_path: Path) -> None:
    landed = land(tmp_path, file(pa.table({"number": [1]})))

    assert landed.ledger.reason == (
        "delivered: schema: the header lacks the column id (found: number); export the"
        " file with it, or name it among the column's aliases in the contract"
    )


@pytest.mark.parametrize("table", [{"id": pa.array([], pa.int64())}, {}])
def test_a_file_without_rows_lands_and_says_so(
    tmp_path: Path, table: dict[str, pa.Array]
) -> None:
    contract = replace(CONTRACT, required=frozenset())

    landed = land(tmp_path, file(pa.table(table)), contract)

    assert landed.records == []
    assert landed.ledger.reason == "the file holds a header and no rows"


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    content = file(pa.table({"id": list(range(1000))}))

    for size in range(4, len(content), 101):
        reason = land(tmp_path, content[:size]).ledger.reason

        assert reason is not None
        assert reason.startswith("delivered: the Parquet file is damaged or cut (")


def test_a_file_that_is_damaged_in_its_middle_lands_up_to_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_reader, "ROWS_PER_BLOCK", 100)
    table = pa.table({"id": [f"number {n * 7919 % 997}" for n in range(1000)]})
    content = file(
        table, row_group_size=100, use_dictionary=False, write_page_checksum=True
    )
    at = len(content) // 2
    content = content[:at] + b"\xff" * 16 + content[at + 16 :]

    landed = land(tmp_path, content)

    assert landed.ledger.outcome == "partly"
    assert landed.ledger.reason is not None
    assert "the Parquet file is damaged (OSError) after line" in landed.ledger.reason
    assert 0 < len(landed.records) < 1000
    assert landed.column("id") == table["id"].to_pylist()[: len(landed.records)]


def test_texts_that_are_no_text_are_damage(tmp_path: Path) -> None:
    """They landed, and whoever read the landed file fell over them."""
    content = file(pa.table({"id": ["a-name-to-find"]}), compression="none")
    assert content.count(b"a-name-to-find") > 0

    landed = land(tmp_path, content.replace(b"a-name-to-find", b"\xff-name-to-find"))

    assert (landed.ledger.outcome, landed.records) == ("partly", [])


@pytest.mark.parametrize("damage", [b"\xff", b"\x86"])
def test_names_of_columns_that_are_no_text_refuse_the_file(
    tmp_path: Path, damage: bytes
) -> None:
    content = file(pa.table({"id": [1], "a-name-to-find": [2]}), store_schema=False)

    landed = land(tmp_path, content.replace(b"a-name", damage + b"-name"))

    assert landed.ledger.outcome == "refused"


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    landed = land(tmp_path, b"PARE" + b"\0" * 50)

    assert landed.ledger.reason == (
        "delivered: an encrypted Parquet file is not read: export it without encryption"
    )


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1) | st.none(),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(codec="utf-8"), min_size=1),
        ),
        min_size=1,
    )
)
def test_any_table_lands_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, ...]]
) -> None:
    ids, names, notes = (list(cells) for cells in zip(*rows, strict=True))
    table = pa.table({"id": pa.array(ids, pa.int64()), "name": names, "note": notes})

    landed = land(tmp_path_factory.mktemp("any"), file(table))

    assert landed.column("id") == [None if id is None else str(id) for id in ids]
    assert [float(name or "") for name in landed.column("name")] == names
    assert landed.column("note") == notes
