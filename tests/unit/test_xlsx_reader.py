"""Workbooks of Excel: every cell as text, every row by its number on the screen."""

import gzip
import io
import math
import re
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet.worksheet import Worksheet

from orchestration.lib.landing import xlsx_reader
from tests.unit.landed import CONTRACT, land


def saved(book: openpyxl.Workbook) -> bytes:
    """The workbook as a file."""
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def workbook(*rows: tuple[Any, ...]) -> bytes:
    """A workbook of one sheet with these rows."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    return saved(book)


def with_shared_texts(*rows: tuple[Any, ...]) -> bytes:
    """The same by another program, which keeps texts in a part of their own."""
    buffer = io.BytesIO()
    options = {"in_memory": True, "default_date_format": "yyyy-mm-dd hh:mm:ss"}
    with xlsxwriter.Workbook(buffer, options) as book:
        sheet = book.add_worksheet("Sheet")
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    return buffer.getvalue()


def filled(fill: Callable[[Worksheet], None]) -> bytes:
    """A workbook of one sheet that the function fills."""
    book = openpyxl.Workbook()
    fill(book.active)
    return saved(book)


def rewritten(content: bytes, part: str, change: Callable[[bytes], bytes]) -> bytes:
    """The workbook with one of its parts changed."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        assert part in old.namelist()
        for name in old.namelist():
            inner = old.read(name)
            new.writestr(name, change(inner) if name == part else inner)
    return buffer.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


# -- cells --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (5, "5"),
        (-5, "-5"),
        (100.0, "100"),
        (0.29, "0.29"),
        (1 / 3, "0.3333333333333333"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (79261234567, "79261234567"),
        (1673005251000, "1673005251000"),
        (123456789012345, "123456789012345"),
        ("00123", "00123"),
        ("1234567890123456789012", "1234567890123456789012"),
        (True, "true"),
        (False, "false"),
        ("#N/A", "#N/A"),
        ("#DIV/0!", "#DIV/0!"),
        ("a\nb", "a\nb"),
        ("a\tb", "a\tb"),
        ("  x ", "  x "),
        ("Ж😀", "Ж😀"),
        ("a_x0041_", "aA"),
        ("_xD83D_", "_xD83D_"),
        (date(2026, 3, 14), "2026-03-14"),
        (datetime(2026, 3, 14, 9, 14, 5), "2026-03-14 09:14:05"),
        (datetime(2026, 3, 14), "2026-03-14 00:00:00"),
        (datetime(2026, 3, 14, 9, 14, 5, 120_000), "2026-03-14 09:14:05.12"),
        (datetime(1900, 2, 28), "1900-02-28 00:00:00"),
        (datetime(1900, 3, 1), "1900-03-01 00:00:00"),
        (time(9, 14, 30), "09:14:30"),
        (timedelta(hours=30, minutes=5), "30:05:00"),
        ("", None),
    ],
)
def test_a_cell_is_the_text_that_stands_for_its_value(
    tmp_path: Path, value: Any, text: str | None
) -> None:
    landed = land(tmp_path, workbook(("id", "name"), ("1", value)))

    assert landed.column("name") == [text]


@pytest.mark.parametrize(
    ("number", "number_format", "text"),
    [
        (0.25, "0%", "0.25"),
        (1234.5, '#,##0.00 "₽"', "1234.5"),
        (5, '"day" 0', "5"),
        (5, '0" г."', "5"),
        (5, "[Red]0;[Blue]-0", "5"),
        (5, r"0\d", "5"),
        (1.5, "0.00E+00", "1.5"),
        (45000, "General", "45000"),
        (45000, "dd.mm.yyyy", "2023-03-15"),
        (45000, "[$-419]d mmm;@", "2023-03-15"),
        (45000, "mmmm", "2023-03-15"),
        (45000.5, "dd.mm.yyyy", "2023-03-15 12:00:00"),
        (45000.25, "d/m/yy h:mm", "2023-03-15 06:00:00"),
        (45000.25, "h:mm AM/PM", "2023-03-15 06:00:00"),
        (0.5, "h:mm", "12:00:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (0.5, "mm:ss", "12:00:00"),
        (-1, "dd.mm.yyyy", "-1"),
        (1e9, "dd.mm.yyyy", "1000000000"),
        ("45000", "dd.mm.yyyy", "45000"),
    ],
)
def test_the_format_of_a_cell_tells_dates_from_numbers_and_nothing_else(
    tmp_path: Path, number: Any, number_format: str, text: str
) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet.append(("id", "name"))
        sheet.append((1, number))
        sheet["B2"].number_format = number_format

    assert land(tmp_path, filled(fill)).column("name") == [text]


def test_a_workbook_may_count_its_days_from_1904(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    book.active.append(("id", "name"))
    book.active.append((1, date(2026, 3, 14)))

    assert land(tmp_path, saved(book)).column("name") == ["2026-03-14"]


def test_a_formatted_text_is_its_letters(tmp_path: Path) -> None:
    text = CellRichText("Anna ", TextBlock(InlineFont(b=True), "Ivanova"))

    landed = land(tmp_path, workbook(("id", "name"), (1, text)))

    assert landed.column("name") == ["Anna Ivanova"]


def test_the_hint_how_to_say_a_word_is_no_part_of_it(tmp_path: Path) -> None:
    content = rewritten(
        with_shared_texts(("id", "name"), (1, "東京")),
        "xl/sharedStrings.xml",
        lambda xml: xml.replace(
            "<t>東京</t>".encode(),
            "<r><t>東京</t></r><rPh sb='0' eb='2'><t>トウキョウ</t></rPh>".encode(),
        ),
    )

    assert land(tmp_path, content).column("name") == ["東京"]


def test_of_merged_cells_the_first_has_the_value(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet.append(("id", "name", "note"))
        sheet.append((1, "a", "b"))
        sheet.append((2, None, "c"))
        sheet.merge_cells("B2:B3")

    assert land(tmp_path, filled(fill)).column("name") == ["a", None]


def test_a_formula_is_its_last_result_or_else_itself(tmp_path: Path) -> None:
    content = workbook(("id", "name"), (1, "=1+1"), (2, "=A2*2"))
    content = rewritten(
        content,
        SHEET,
        lambda xml: xml.replace(b"<f>1+1</f><v></v>", b"<f>1+1</f><v>2</v>"),
    )

    assert land(tmp_path, content).column("name") == ["2", "=A2*2"]


def test_a_text_within_the_sheet_is_read(tmp_path: Path) -> None:
    content = rewritten(
        workbook(("id", "name"), (1, 7)),
        SHEET,
        lambda xml: xml.replace(
            b'<c r="B2" t="n"><v>7</v></c>',
            b'<c r="B2" t="inlineStr"><is><t>x &amp; y</t></is></c>',
        ),
    )

    assert land(tmp_path, content).column("name") == ["x & y"]


@pytest.mark.parametrize(
    "cell",
    [
        b'<c r="B2" t="s"><v>999</v></c>',
        b'<c r="B2" t="s"><v>x</v></c>',
        b'<c r="B2"><v>12,5</v></c>',
    ],
)
def test_a_cell_that_makes_no_sense_rejects_its_row(
    tmp_path: Path, cell: bytes
) -> None:
    content = rewritten(
        workbook(("id", "name"), (1, 7), (2, 8)),
        SHEET,
        lambda xml: xml.replace(b'<c r="B2" t="n"><v>7</v></c>', cell),
    )

    landed = land(tmp_path, content)

    assert landed.column("id") == ["2"]
    assert [(each["line"], each["reason"]) for each in landed.rejects] == [
        (2, "a cell that cannot be read")
    ]


# -- rows ---------------------------------------------------------------------------


def test_a_row_has_the_number_that_the_screen_shows(tmp_path: Path) -> None:
    def fill(sheet: Worksheet) -> None:
        sheet["B3"], sheet["C3"] = "id", "name"
        sheet["B4"], sheet["C4"] = 1, "a"
        sheet["B7"], sheet["C7"] = 2, "b"
        sheet["B9"].number_format = "0.0"

    landed = land(tmp_path, filled(fill))

    assert landed.cells == [(4, "1", "a"), (7, "2", "b")]
    assert landed.ledger.dialect == "xlsx; sheet 'Sheet'; 2 columns"


def test_rows_and_cells_may_leave_out_where_they_are(tmp_path: Path) -> None:
    content = rewritten(
        workbook(("id", "name"), (1, 7), (2, 8)),
        SHEET,
        lambda xml: re.sub(rb' r="\w+"', b"", xml),
    )

    assert land(tmp_path, content).cells == [(2, "1", "7"), (3, "2", "8")]


def test_titles_may_stand_above_the_header(tmp_path: Path) -> None:
    landed = land(
        tmp_path,
        workbook(("Report",), (), ("Period", "March"), ("id", "name"), (1, "a")),
    )

    assert landed.cells == [(5, "1", "a")]
    assert landed.ledger.dialect == "xlsx; sheet 'Sheet'; 2 columns; 2 rows above"


def test_a_header_may_state_the_currency_of_all_rows(tmp_path: Path) -> None:
    contract = replace(
        CONTRACT,
        columns=("id", "cost", "currency"),
        required=frozenset({"id", "cost", "currency"}),
        aliases={"cost": ("Cost ({currency})",)},
    )

    landed = land(tmp_path, workbook(("ID", "Cost (EUR)"), (1, 1.5)), contract)

    assert landed.cells == [(2, "1", "1.5", "EUR")]


def test_cells_beside_the_header_reject_their_row(tmp_path: Path) -> None:
    landed = land(
        tmp_path,
        workbook(
            (None, "id", "name"),
            (None, 1, "a"),
            (None, 2, "b", "c"),
            ("d", 3, "e"),
            (None, 4, None, None, None),
        ),
    )

    assert landed.cells == [(2, "1", "a"), (5, "4", None)]
    assert landed.rejects == [
        {"line": 3, "reason": "3 cells where the header has 2", "text": "\t2\tb\tc"},
        {
            "line": 4,
            "reason": "a cell to the left of the first column of the header",
            "text": "d\t3\te",
        },
    ]


def test_a_position_that_cannot_be_rejects_its_row(tmp_path: Path) -> None:
    content = rewritten(
        workbook(("id", "name"), (1, 7), (2, 8)),
        SHEET,
        lambda xml: xml.replace(b'r="B2"', b'r="ZZZZZZZ2"').replace(
            b'<row r="3"', b'<row r="99999999999999999999"'
        ),
    )

    landed = land(tmp_path, content)

    assert landed.cells == [(3, "2", "8")]
    assert [each["line"] for each in landed.rejects] == [2]


def test_rows_of_totals_are_no_records(tmp_path: Path) -> None:
    contract = replace(CONTRACT, summary_rows=("Total",))

    landed = land(
        tmp_path,
        workbook(("id", "name"), (1, "a"), ("Total", 1), ("Total", 1, 2)),
        contract,
    )

    assert landed.cells == [(2, "1", "a")]
    assert landed.ledger.reason == "2 rows of totals are no records"


# -- sheets -------------------------------------------------------------------------


def several_sheets() -> bytes:
    book = openpyxl.Workbook()
    book.active.title = "About"
    book.active.append(("made by", "a program"))
    hidden = book.create_sheet("Old")
    hidden.append(("id", "name"))
    hidden.append((1, "old"))
    hidden.sheet_state = "hidden"
    for title, name in (("Orders", "new"), ("More", "more")):
        sheet = book.create_sheet(title)
        sheet.append(("id", "name"))
        sheet.append((1, name))
    return saved(book)


def test_the_first_visible_sheet_that_fits_is_read(tmp_path: Path) -> None:
    landed = land(tmp_path, several_sheets())

    assert landed.cells == [(2, "1", "new")]
    assert landed.ledger.dialect == "xlsx; sheet 'Orders'; 2 columns"


def test_the_contract_may_name_the_sheet(tmp_path: Path) -> None:
    landed = land(tmp_path, several_sheets(), replace(CONTRACT, sheet="Old"))

    assert landed.cells == [(2, "1", "old")]


def test_a_sheet_that_is_not_there_refuses_the_workbook(tmp_path: Path) -> None:
    landed = land(tmp_path, several_sheets(), replace(CONTRACT, sheet="Nowhere"))

    assert landed.ledger.reason == (
        "delivered: the workbook has no sheet 'Nowhere' (found: About, Orders, More,"
        " Old); name the sheet in the contract"
    )


def test_a_workbook_without_the_required_columns_says_what_it_found(
    tmp_path: Path,
) -> None:
    landed = land(tmp_path, workbook(("number", "name"), (1, "a")))

    assert landed.ledger.reason == (
        "delivered: sheet 'Sheet', row 1: the header lacks the column id (found:"
        " number, name); export the file with it, or name it among the column's"
        " aliases in the contract"
    )


def test_a_header_without_rows_lands_and_says_so(tmp_path: Path) -> None:
    landed = land(tmp_path, workbook(("id", "name")))

    assert (landed.ledger.outcome, landed.records) == ("landed", [])
    assert landed.ledger.reason == "the file holds a header and no rows"


# -- files --------------------------------------------------------------------------


def test_a_packed_workbook_lands(tmp_path: Path) -> None:
    landed = land(tmp_path, gzip.compress(workbook(("id",), (1,))))

    assert landed.cells == [(2, "1")]
    assert landed.ledger.dialect == "xlsx; sheet 'Sheet'; 1 columns; gzip"
    assert landed.ledger.encoding is None


def test_parts_may_be_spelt_otherwise_than_they_are_referred_to(
    tmp_path: Path,
) -> None:
    content = with_shared_texts(("id", "name"), (1, "a"))
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(buffer, "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name.replace("sharedStrings", "SharedStrings"), old.read(name))

    assert land(tmp_path, buffer.getvalue()).cells == [(2, "1", "a")]


def test_a_cut_workbook_is_refused(tmp_path: Path) -> None:
    content = workbook(("id", "name"), (1, "a"))

    for size in range(100, len(content), 97):
        landed = land(tmp_path, content[:size])

        assert landed.ledger.outcome == "refused"
        assert landed.ledger.reason is not None
        assert "damaged" in landed.ledger.reason


def test_a_sheet_that_is_damaged_in_its_middle_lands_in_part(tmp_path: Path) -> None:
    content = rewritten(
        workbook(("id", "name"), *((number, "a") for number in range(9))),
        SHEET,
        lambda xml: xml[: xml.index(b'<row r="7"') + 20],
    )

    landed = land(tmp_path, content)

    assert landed.ledger.outcome == "partly"
    assert [record["_line"] for record in landed.records] == [2, 3, 4, 5, 6]
    assert landed.ledger.reason is not None
    assert "the workbook is damaged" in landed.ledger.reason


def test_a_damaged_sheet_that_is_not_wanted_does_no_harm(tmp_path: Path) -> None:
    content = rewritten(several_sheets(), SHEET, lambda xml: xml[:-30])

    assert land(tmp_path, content).cells == [(2, "1", "new")]


@pytest.mark.parametrize("entities", ["a" * 10, "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"])
def test_entities_of_a_workbook_are_not_expanded(tmp_path: Path, entities: str) -> None:
    declared = f'<!DOCTYPE sst [<!ENTITY a "x"><!ENTITY b "{entities}">]>'
    content = rewritten(
        with_shared_texts(("id", "name"), (1, "a")),
        "xl/sharedStrings.xml",
        lambda xml: xml.replace(b"<sst", declared.encode() + b"<sst").replace(
            b"<t>a</t>", b"<t>[&b;]</t>"
        ),
    )

    landed = land(tmp_path, content)

    assert landed.column("name") == ["["]


def test_a_workbook_with_too_many_texts_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_reader, "MAX_TEXTS_BYTES", 100)

    landed = land(tmp_path, with_shared_texts(("id", "name"), (1, "a" * 200)))

    assert landed.ledger.outcome == "refused"
    assert landed.ledger.reason is not None
    assert landed.ledger.reason.startswith(
        "delivered: the workbook is too large (xl/sharedStrings.xml holds"
    )
    assert landed.ledger.reason.endswith("export it as CSV")


def test_one_row_cannot_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_reader, "MAX_ROW_BYTES", 1024 * 1024)
    bomb = b"<row>" + b"<c/>" * 2_000_000
    content = rewritten(
        workbook(("id", "name"), (1, "a"), (2, "b")),
        SHEET,
        lambda xml: xml.replace(b'<row r="3"', bomb + b'<row r="3"'),
    )

    landed = land(tmp_path, content)

    assert landed.cells == [(2, "1", "a")]
    assert landed.ledger.outcome == "partly"


def test_what_stands_below_the_rows_counts_for_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_reader, "MAX_ROW_BYTES", 100_000)
    merged = b"<mergeCells>" + b'<mergeCell ref="A1:A1"/>' * 9_000 + b"</mergeCells>"
    content = rewritten(
        workbook(("id", "name"), (1, "a")),
        SHEET,
        lambda xml: xml.replace(b"</sheetData>", b"</sheetData>" + merged),
    )

    landed = land(tmp_path, content)

    assert landed.cells == [(2, "1", "a")]
    assert landed.ledger.outcome == "landed"


def test_other_documents_are_refused_with_a_remedy(tmp_path: Path) -> None:
    for names, remedy in (
        (
            ["[Content_Types].xml", "word/document.xml"],
            "the document is no workbook that can be read: save it as .xlsx or CSV",
        ),
        (
            ["mimetype", "content.xml"],
            "an OpenDocument spreadsheet is not read: save it as .xlsx or CSV",
        ),
        (
            ["orders.csv"],
            "an archive inside an archive is not looked into: unpack the outer one",
        ),
    ):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, b"<x/>")

        assert land(tmp_path, buffer.getvalue()).ledger.reason == f"delivered: {remedy}"


# -- any table ----------------------------------------------------------------------

CELLS = st.one_of(
    st.none(),
    st.integers(-(10**15), 10**15),
    st.floats(-1e300, 1e300),
    st.booleans(),
    st.text(
        st.characters(
            codec="utf-8",
            exclude_categories=["Cs", "Cc"],
            exclude_characters="=_\ufffe\uffff",
        ),
        max_size=9,
    ),
    st.datetimes(datetime(1901, 1, 1), datetime(2200, 1, 1)).map(
        lambda at: at.replace(microsecond=0)
    ),
)


def expected(value: Any) -> str | None:
    """The text of a cell, worked out in another way."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(value) if isinstance(value, int) else value


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=8))
@pytest.mark.parametrize("write", [workbook, with_shared_texts])
def test_any_table_lands_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    write: Callable[..., bytes],
    rows: list[tuple[Any, Any]],
) -> None:
    landed = land(tmp_path_factory.mktemp("any"), write(("id", "name"), *rows))

    kept = [
        (number, row)
        for number, row in enumerate(rows, start=2)
        if any(expected(value) is not None for value in row)
    ]
    assert [line for line, *_ in landed.cells] == [number for number, _ in kept]
    for (_, *texts), (_, row) in zip(landed.cells, kept, strict=True):
        for text, value in zip(texts, row, strict=True):
            if isinstance(value, float):
                assert text is not None
                # The libraries that write the file keep 16 digits.
                assert math.isclose(float(text), value, rel_tol=1e-15)
            else:
                assert text == expected(value)
