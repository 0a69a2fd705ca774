"""Workbooks of Excel before 2007: the same cells and rows as of later ones."""

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlwt
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import xls_reader
from tests.unit.landed import CONTRACT, land


def workbook(
    *rows: tuple[Any, ...], formats: dict[tuple[int, int], str] | None = None
) -> bytes:
    """A workbook of one sheet with these rows; formats by row and column from 0."""
    book = xlwt.Workbook()
    write_rows(book, "Orders", rows, formats or {})
    return saved(book)


def write_rows(
    book: xlwt.Workbook,
    title: str,
    rows: tuple[tuple[Any, ...], ...],
    formats: dict[tuple[int, int], str],
) -> None:
    """A sheet with these rows."""
    sheet = book.add_sheet(title)
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            if value is not None:
                style = xlwt.easyxf(num_format_str=formats.get((at, column), "General"))
                sheet.write(at, column, value, style)


def saved(book: xlwt.Workbook) -> bytes:
    """The workbook as a file."""
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (5, "General", "5"),
        (100.0, "General", "100"),
        (0.29, "General", "0.29"),
        (1 / 3, "General", "0.3333333333333333"),
        (1e-7, "General", "0.0000001"),
        (79261234567, "General", "79261234567"),
        (1673005251000, "0.00", "1673005251000"),
        ("00123", "General", "00123"),
        ("1234567890123456789012", "General", "1234567890123456789012"),
        (True, "General", "true"),
        (False, "General", "false"),
        ("a\nb", "General", "a\nb"),
        ("  x ", "General", "  x "),
        ("Ж😀", "General", "Ж😀"),
        (0.25, "0%", "0.25"),
        (5, '0" г."', "5"),
        (date(2026, 3, 14), "dd.mm.yyyy", "2026-03-14"),
        (datetime(2026, 3, 14, 9, 14), "dd.mm.yyyy", "2026-03-14 09:14:00"),
        (datetime(2026, 3, 14), "d/m/yy h:mm", "2026-03-14 00:00:00"),
        (time(9, 14, 30), "h:mm:ss", "09:14:30"),
        (1.5, "[h]:mm", "36:00:00"),
    ],
)
def test_a_cell_is_the_text_that_stands_for_its_value(
    tmp_path: Path, value: Any, number_format: str, text: str
) -> None:
    content = workbook(("id", "name"), (1, value), formats={(1, 1): number_format})

    assert land(tmp_path, content).column("name") == [text]


def test_errors_are_what_the_screen_shows(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Orders")
    for column, name in enumerate(("id", "name")):
        sheet.write(0, column, name)
    sheet.write(1, 0, 1)
    sheet.row(1).set_cell_error(1, 0x2A)

    assert land(tmp_path, saved(book)).column("name") == ["#N/A"]


def test_a_workbook_may_count_its_days_from_1904(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    book.dates_1904 = True
    rows = (("id", "name"), (1, date(2026, 3, 14)))
    write_rows(book, "Orders", rows, {(1, 1): "yyyy-mm-dd"})

    assert land(tmp_path, saved(book)).column("name") == ["2026-03-14"]


def test_a_row_has_the_number_that_the_screen_shows(tmp_path: Path) -> None:
    landed = land(
        tmp_path,
        workbook(
            (),
            ("Report of March",),
            (None, "id", "name"),
            (None, 1, "a"),
            (),
            (None, 2, "b", "c"),
            (None, 3),
        ),
    )

    assert landed.cells == [(4, "1", "a"), (7, "3", None)]
    assert landed.rejects == [
        {"line": 6, "reason": "3 cells where the header has 2", "text": "\t2\tb\tc"}
    ]
    assert landed.ledger.dialect == "xls; sheet 'Orders'; 2 columns; 1 rows above"
    assert landed.ledger.encoding is None


def test_the_first_sheet_that_fits_is_read_or_the_one_of_the_contract(
    tmp_path: Path,
) -> None:
    book = xlwt.Workbook()
    write_rows(book, "About", (("made by", "a program"),), {})
    write_rows(book, "Orders", (("id", "name"), (1, "a")), {})
    write_rows(book, "More", (("id", "name"), (2, "b")), {})

    assert land(tmp_path, saved(book)).cells == [(2, "1", "a")]
    chosen = land(tmp_path, saved(book), replace(CONTRACT, sheet="More"))
    assert chosen.cells == [(2, "2", "b")]
    absent = land(tmp_path, saved(book), replace(CONTRACT, sheet="Nowhere"))
    assert absent.ledger.reason == (
        "delivered: the workbook has no sheet 'Nowhere' (found: About, Orders, More);"
        " name the sheet in the contract"
    )


# -- workbooks that cannot be read --------------------------------------------------


def test_a_protected_workbook_is_refused(tmp_path: Path) -> None:
    """A workbook of a later version is put into the old container when protected."""
    content = workbook(("id",), (1,)).replace(
        "Workbook".encode("utf-16-le"), "Elsewhere".encode("utf-16-le")[:16]
    )

    landed = land(tmp_path, content + "EncryptedPackage".encode("utf-16-le"))

    assert landed.ledger.reason == (
        "delivered: the workbook is protected: save it without a password"
    )


def test_a_cut_workbook_is_refused_or_says_that_it_is_cut(tmp_path: Path) -> None:
    content = workbook(("id", "name"), *((number, "a" * 40) for number in range(300)))

    for size in range(8, len(content) - 1, 2_111):
        ledger = land(tmp_path, content[:size]).ledger

        assert ledger.outcome == "refused"
        assert ledger.reason is not None
        assert ledger.reason.startswith("delivered: the workbook is damaged, or none")


def test_other_documents_in_the_same_container_are_refused(tmp_path: Path) -> None:
    content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600

    assert land(tmp_path, content).ledger.outcome == "refused"


def test_a_workbook_that_would_fill_the_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xls_reader, "MAX_BYTES", 1000)

    landed = land(tmp_path, workbook(("id",), (1,)))

    assert landed.ledger.reason == (
        "delivered: the workbook is larger than 1000 bytes: export it as CSV"
    )


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 10**15) | st.none(),
            st.text(st.characters(codec="utf-8"), min_size=1, max_size=9) | st.none(),
        ),
        max_size=8,
    )
)
def test_any_table_lands_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[Any, Any]]
) -> None:
    landed = land(tmp_path_factory.mktemp("any"), workbook(("id", "name"), *rows))

    assert landed.cells == [
        (line, number if number is None else str(number), text)
        for line, (number, text) in enumerate(rows, start=2)
        if number is not None or text is not None
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content, at: content[:at] + b"\xff" * 8 + content[at + 8 :],
        lambda content, at: content[:at] + b"\0" * 64 + content[at + 64 :],
    ],
)
def test_a_damaged_workbook_never_ends_the_run(
    tmp_path: Path, damage: Callable[[bytes, int], bytes]
) -> None:
    content = workbook(("id", "name"), *((number, "a") for number in range(30)))

    for at in range(0, len(content), 251):
        assert land(tmp_path, damage(content, at)).ledger.outcome in (
            "landed", "partly", "refused",
        )  # fmt: skip
