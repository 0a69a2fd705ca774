"""Tables of web pages, as which many programs write their `.xls`."""

import re
from collections.abc import Iterator, Mapping

from lxml import etree  # type: ignore[import-untyped]

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import CutShort, Delivered, texts
from orchestration.lib.landing.table_reader import (
    MAX_COLUMNS,
    Row,
    Table,
    TableReading,
)

#: The table of an export is among the first of its page.
MAX_TABLES = 50
#: More text in one cell holds other tables, or is damage.
MAX_CELL_CHARACTERS = 1024 * 1024
CHUNK_BYTES = 256 * 1024
_SPACE = re.compile("[ \t\r\n\f]+")
_NEW_LINES = frozenset({"br", "p", "div", "li", "tr"})


def html_reading(
    delivered: Delivered, contract: ExportContract, encoding: str
) -> TableReading:
    """The first table with a fitting header; it may lie inside another one.

    Raises:
        Refused: no table fits.
    """
    return TableReading("html", _tables(delivered, encoding), contract)


def _tables(delivered: Delivered, encoding: str) -> Iterator[Table]:
    for number in range(1, MAX_TABLES + 1):
        page = _Page(number)
        yield Table(f"table {number}", _rows(page, delivered, encoding))
        if page.is_read and page.tables <= number:
            return


def _rows(page: "_Page", delivered: Delivered, encoding: str) -> Iterator[Row]:
    """The rows of one table of the page."""
    # The parser gets UTF-8, whatever the page says of itself; it stops at a NUL.
    parser = etree.HTMLParser(target=page, encoding="utf-8", huge_tree=True)
    cut_short = None
    try:
        for text in texts(delivered, encoding, CHUNK_BYTES):
            parser.feed(text.replace("\0", "").encode())
            yield from page.take_rows()
            if page.is_closed:
                return
        if page.has_begun:
            cut_short = CutShort("the table is not closed: the file was cut")
    except CutShort as error:
        cut_short = error
    page.is_read, page.is_cut = True, cut_short is not None
    parser.close()
    yield from page.take_rows()
    if cut_short is not None:
        raise cut_short


class _Page:
    """Told by the parser of a page's tags and texts; keeps the rows of one table."""

    def __init__(self, number: int) -> None:
        #: Tables that have begun, and whether the page was read to its end.
        self.tables = 0
        self.is_read = False
        #: Whether the table has ended, and whether the page ends inside of it.
        self.is_closed = False
        self.is_cut = False
        self._number = number
        self._open_tables: list[int] = []
        self._rows: list[Row] = []
        self._row_number = 0
        self._cells: list[str | None] | None = None
        self._text: list[str] | None = None
        self._text_size = 0
        self._span = (1, 1)
        #: Rows below that a cell reaches into, by column.
        self._reaches: dict[int, int] = {}
        self._taken: frozenset[int] = frozenset()
        self._problem: str | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the table's first tag was read."""
        return self.tables >= self._number

    def take_rows(self) -> list[Row]:
        """The rows that ended since the last call."""
        rows, self._rows = self._rows, []
        return rows

    # -- what the parser tells ------------------------------------------------------

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A tag begins, be it one that the page left out."""
        if tag == "table":
            self.tables += 1
            self._open_tables.append(self.tables)
        elif not self._is_inside():
            if tag in ("td", "th"):
                self.data(" ")
        elif tag == "tr":
            self._begin_row()
        elif tag in ("td", "th"):
            self._begin_cell(attributes)
        if tag in _NEW_LINES and self._text is not None:
            self._text.append("\n")

    def end(self, tag: str) -> None:
        """A tag ends, be it by the end of another."""
        if tag == "table" and self._open_tables:
            if self._open_tables.pop() == self._number:
                self._end_row()
                self.is_closed = True
        elif tag in ("td", "th") and self._is_inside():
            self._end_cell()
        elif tag == "tr" and self._is_inside():
            self._end_row()

    def data(self, text: str) -> None:
        """A piece of text."""
        if self._text is not None:
            self._text_size += len(text)
            if self._text_size > MAX_CELL_CHARACTERS:
                self._problem = f"a cell of more than {MAX_CELL_CHARACTERS} characters"
            else:
                self._text.append(_SPACE.sub(" ", text))
        elif self._cells is not None and self._is_inside() and text.strip():
            self._begin_cell({})
            self._problem = "text beside its cells: a tag is damaged"
            self.data(text)

    def close(self) -> None:
        """The page ends."""

    # -- rows -----------------------------------------------------------------------

    def _is_inside(self) -> bool:
        return bool(self._open_tables) and self._open_tables[-1] == self._number

    def _begin_row(self) -> None:
        self._end_row()
        self._row_number += 1
        self._cells = []
        self._taken = frozenset(self._reaches)
        self._reaches = {
            column: rows - 1 for column, rows in self._reaches.items() if rows > 1
        }

    def _end_row(self) -> None:
        self._end_cell()
        if self._cells is not None:
            if self.is_cut:
                self._problem = "the file ends inside this row: it was cut"
            self._rows.append(Row(self._row_number, self._cells, self._problem))
        self._cells = self._problem = None

    def _begin_cell(self, attributes: Mapping[str, str]) -> None:
        self._end_cell()
        if self._cells is None:
            self._begin_row()
        self._span = (_span(attributes, "colspan"), _span(attributes, "rowspan"))
        self._text, self._text_size = [], 0

    def _end_cell(self) -> None:
        if self._text is None or self._cells is None:
            return
        while len(self._cells) in self._taken:
            self._cells.append(None)
        columns, rows = self._span
        first = len(self._cells)
        if first + columns > MAX_COLUMNS:
            self._problem = "a cell beyond the last column that there can be"
        else:
            self._cells += [_cell_text(self._text), *[None] * (columns - 1)]
            if rows > 1:
                reach = dict.fromkeys(range(first, first + columns), rows - 1)
                self._reaches |= reach
        self._text = None


def _span(attributes: Mapping[str, str], name: str) -> int:
    """How many columns or rows a cell covers."""
    text = attributes.get(name, "")
    return max(int(text), 1) if text.isdecimal() and len(text) < 6 else 1


def _cell_text(pieces: list[str]) -> str | None:
    """The text as a page shows it; one no-break space alone shows an empty cell."""
    lines = "".join(pieces).split("\n")
    text = "\n".join(_SPACE.sub(" ", line).strip(" ") for line in lines).strip("\n")
    return None if text in ("", "\xa0") else text
