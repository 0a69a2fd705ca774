"""Tables of cells, whatever held them: a sheet of a workbook, a table of a page."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.header import (
    MAX_HEADER_RECORD,
    Header,
    HeaderSearch,
    read_header,
)
from orchestration.lib.landing.inspection import CutShort, Refused
from orchestration.lib.landing.records import LINE, Block, Reject, text_table

ROWS_PER_BLOCK = 20_000
#: Wider than any spreadsheet: the position of a cell is damaged, or made up.
MAX_COLUMNS = 16_384


class Row(NamedTuple):
    """A row of a table; numbers grow, and those left out are blank rows."""

    number: int
    cells: Sequence[str | None]
    #: Why the row cannot be trusted, where it cannot.
    problem: str | None = None


class Table(NamedTuple):
    """A table of a file; its rows are read once, or only to find the header."""

    name: str
    rows: Iterator[Row]


@dataclass(frozen=True, kw_only=True)
class TableDialect:
    """What was found in the file: kept in the ledger."""

    #: What holds the table, and which of several it is.
    form: str
    table: str
    header: Header
    #: Cells to the left of the first column.
    offset: int
    #: Rows above the header that are not blank.
    preamble_rows: int

    def __str__(self) -> str:
        """For example `xlsx; sheet 'Orders'; 8 columns; 2 rows above`."""
        return (
            f"{self.form}; {self.table}; {len(self.header.columns)} columns"
            f"{f'; {self.preamble_rows} rows above' if self.preamble_rows else ''}"
        )


class TableReading:
    """One pass over the first table of a file whose header fits the contract.

    Raises:
        Refused: no table has a header with the required columns.
    """

    def __init__(
        self, form: str, tables: Iterable[Table], contract: ExportContract
    ) -> None:
        #: Why the rows ended before the table did, or None; known after the pass.
        self.cut_short: str | None = None
        search = HeaderSearch(contract)
        damage: CutShort | None = None
        for table in tables:
            try:
                dialect = self._read_header(form, table, contract, search)
            except CutShort as error:
                damage = error
                continue
            if dialect is not None:
                self.dialect = dialect
                self._rows = table.rows
                return
        if damage is not None:
            raise Refused(f"{damage}: ask for the export again")
        raise search.refusal()

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the delivered header, as named in the raw table."""
        return self.dialect.header.columns

    @property
    def constants(self) -> Mapping[str, str]:
        """Columns whose one value the header states."""
        return self.dialect.header.constants

    def __iter__(self) -> Iterator[Block]:
        """One or more blocks, in file order; the header is not in them."""
        rows = self._whole_rows()
        block = list(islice(rows, ROWS_PER_BLOCK))
        yield self._block(block)
        while block := list(islice(rows, ROWS_PER_BLOCK)):
            yield self._block(block)

    def _read_header(
        self,
        form: str,
        table: Table,
        contract: ExportContract,
        search: HeaderSearch,
    ) -> TableDialect | None:
        """Read up to the header; None where the table has none that fits."""
        filled = (row for row in table.rows if any(row.cells))
        for preamble_rows, row in enumerate(islice(filled, MAX_HEADER_RECORD)):
            named = [index for index, cell in enumerate(row.cells) if cell]
            header = read_header(
                [cell or "" for cell in row.cells[named[0] : named[-1] + 1]],
                contract,
            )
            if search.accepts(f"{table.name}, row {row.number}", header):
                self._last_number = row.number
                return TableDialect(
                    form=form,
                    table=table.name,
                    header=header,
                    offset=named[0],
                    preamble_rows=preamble_rows,
                )
        return None

    def _whole_rows(self) -> Iterator[Row]:
        try:
            yield from self._rows
        except CutShort as error:
            self.cut_short = str(error)

    def _block(self, rows: Sequence[Row]) -> Block:
        records: list[list[str | None]] = []
        numbers: list[int] = []
        rejects: list[Reject] = []
        blank_rows = 0
        lines = rows[-1].number - self._last_number if rows else 0
        for row in rows:
            blank_rows += row.number - self._last_number - 1
            self._last_number = row.number
            if not any(row.cells):
                blank_rows += 1
            elif problem := row.problem or self._misfit(row.cells):
                text = "\t".join(cell or "" for cell in row.cells)
                rejects.append(Reject(line=row.number, reason=problem, text=text))
            else:
                records.append(self._record(row.cells))
                numbers.append(row.number)
        block = Block(
            table=text_table(self.columns, records).append_column(
                LINE, pa.array(numbers, pa.int64())
            ),
            rejects=rejects,
            lines=lines,
            blank_lines=blank_rows,
        )
        block.assert_every_line_is_accounted_for()
        return block

    def _misfit(self, cells: Sequence[str | None]) -> str | None:
        """Why the cells fit no record: one lies beside the columns of the header."""
        offset, width = self.dialect.offset, len(self.columns)
        if any(cells[:offset]):
            return "a cell to the left of the first column of the header"
        if any(cells[offset + width :]):
            count = max(index for index, cell in enumerate(cells) if cell) + 1 - offset
            return f"{count} cells where the header has {width}"
        return None

    def _record(self, cells: Sequence[str | None]) -> list[str | None]:
        offset, width = self.dialect.offset, len(self.columns)
        record = [cell or None for cell in cells[offset : offset + width]]
        return record + [None] * (width - len(record))
