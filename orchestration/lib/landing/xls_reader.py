"""Workbooks of Excel before 2007 (BIFF); they have at most 65,536 rows."""

import io
from collections.abc import Iterator
from typing import IO

import xlrd  # type: ignore[import-untyped]

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import CutShort, Refused
from orchestration.lib.landing.records import number_text
from orchestration.lib.landing.spreadsheet import moment_of, number_or_moment
from orchestration.lib.landing.table_reader import Row, Table, TableReading

#: The whole file is in memory while it is read, several times its size.
MAX_BYTES = 128 * 1024**2


def xls_reading(file: IO[bytes], contract: ExportContract) -> TableReading:
    """The first sheet with a fitting header.

    Raises:
        Refused: the file is no workbook, protected, too large, or no sheet fits.
    """
    content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise Refused(
            f"the workbook is larger than {MAX_BYTES} bytes: export it as CSV"
        )
    try:
        book = xlrd.open_workbook(
            file_contents=content,
            encoding_override=contract.encoding,
            formatting_info=True,
            on_demand=True,
            ragged_rows=True,
            logfile=io.StringIO(),
        )
    except Exception as error:  # the library stumbles over damage anywhere
        raise Refused(_refusal(content, error)) from error
    if contract.sheet is not None and contract.sheet not in book.sheet_names():
        raise Refused(
            f"the workbook has no sheet {contract.sheet!r} (found:"
            f" {', '.join(book.sheet_names())}); name the sheet in the contract"
        )
    names = [contract.sheet] if contract.sheet is not None else book.sheet_names()
    tables = (Table(f"sheet {name!r}", _rows(book, name)) for name in names)
    return TableReading("xls", tables, contract)


def _refusal(content: bytes, error: Exception) -> str:
    is_protected = (
        "encrypted" in str(error) or "EncryptedPackage".encode("utf-16-le") in content
    )
    if is_protected:
        return "the workbook is protected: save it without a password"
    return (
        f"the workbook is damaged, or none ({type(error).__name__}): save it as"
        " .xlsx or CSV"
    )


def _rows(book: xlrd.Book, name: str) -> Iterator[Row]:
    try:
        sheet = book.sheet_by_name(name)
        for index in range(sheet.nrows):
            cells = [_text(book, cell) for cell in sheet.row(index)]
            yield Row(index + 1, cells)
    except Exception as error:  # the library stumbles over damage anywhere
        raise CutShort(f"the workbook is damaged ({type(error).__name__})") from error
    book.unload_sheet(name)


def _text(book: xlrd.Book, cell: xlrd.sheet.Cell) -> str | None:
    if cell.ctype in (xlrd.XL_CELL_EMPTY, xlrd.XL_CELL_BLANK):
        return None
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return "true" if cell.value else "false"
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return str(xlrd.error_text_from_code.get(cell.value, "#ERROR"))
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        return number_text(repr(cell.value))
    if cell.ctype == xlrd.XL_CELL_DATE:
        format_id = book.xf_list[cell.xf_index].format_key
        code = book.format_map[format_id].format_str
        return number_or_moment(
            repr(cell.value),
            moment_of(format_id, {format_id: code}),
            starts_in_1904=book.datemode == 1,
        )
    return str(cell.value)
