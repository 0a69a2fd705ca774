"""Workbooks as XML, as Excel 2003 and many report generators write them."""

from collections.abc import Iterator

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import Delivered
from orchestration.lib.landing.markup import Element, elements
from orchestration.lib.landing.records import number_text
from orchestration.lib.landing.table_reader import (
    MAX_COLUMNS,
    Row,
    Table,
    TableReading,
)

_NAMESPACE = "{urn:schemas-microsoft-com:office:spreadsheet}"
MAX_SHEETS = 50


def spreadsheetml_reading(
    delivered: Delivered, contract: ExportContract, encoding: str
) -> TableReading:
    """The first sheet with a fitting header, or the one that the contract names.

    Raises:
        Refused: no sheet fits.
    """
    if contract.sheet is not None:
        sheet = _Sheet(0, contract.sheet)
        rows = sheet.rows(delivered, encoding)
        tables = iter([Table(f"sheet {contract.sheet!r}", rows)])
    else:
        tables = _tables(delivered, encoding)
    return TableReading("xml spreadsheet", tables, contract)


def _tables(delivered: Delivered, encoding: str) -> Iterator[Table]:
    for number in range(1, MAX_SHEETS + 1):
        sheet = _Sheet(number)
        yield Table(f"sheet {number}", sheet.rows(delivered, encoding))
        if sheet.is_last:
            return


class _Sheet:
    """One of the sheets with rows, by its number or its name."""

    def __init__(self, number: int, name: str | None = None) -> None:
        self._number, self._name = number, name
        self.is_last = False

    def rows(self, delivered: Delivered, encoding: str) -> Iterator[Row]:
        """The rows of this sheet."""
        current: Element = None
        number = row_number = 0
        for element in elements(delivered, encoding, lambda _, name: name == "Row"):
            sheet = next(element.iterancestors(f"{_NAMESPACE}Worksheet"), None)
            if sheet is not current:
                current, number, row_number = sheet, number + 1, 0
            row_number = max(row_number + 1, _attribute(element, "Index", 0))
            name = sheet.get(f"{_NAMESPACE}Name") if sheet is not None else None
            if name == self._name if self._name is not None else number == self._number:
                yield _row(row_number, element)
            elif number > self._number and self._name is None:
                return
        self.is_last = True


def _row(number: int, element: Element) -> Row:
    cells: list[str | None] = []
    for cell in element.iterfind(f"{_NAMESPACE}Cell"):
        column = _attribute(cell, "Index", len(cells) + 1)
        if column > MAX_COLUMNS:
            return Row(number, cells, "a cell beyond the last column there can be")
        cells.extend([None] * (column - 1 - len(cells)))
        cells.append(_cell(cell))
        merged = min(_attribute(cell, "MergeAcross", 0), MAX_COLUMNS)
        cells.extend([None] * merged)
    return Row(number, cells)


def _cell(cell: Element) -> str | None:
    data = cell.find(f"{_NAMESPACE}Data")
    if data is None:
        return None
    text = "".join(data.itertext())
    kind = data.get(f"{_NAMESPACE}Type")
    if kind == "Boolean":
        return "true" if text == "1" else "false"
    if kind == "DateTime":
        day, _, clock = text.partition("T")
        clock = clock.removesuffix(".000")
        return day if clock == "00:00:00" else f"{day} {clock}"
    if kind == "Number":
        try:
            return number_text(text)
        except ValueError:
            return text
    return text


def _attribute(element: Element, name: str, default: int) -> int:
    text = element.get(_NAMESPACE + name, "")
    return int(text) if text.isdecimal() and len(text) < 10 else default
