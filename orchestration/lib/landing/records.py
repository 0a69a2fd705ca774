"""What a reader hands to the lander: blocks of all-text records, and rejects."""

from dataclasses import dataclass, field

import pyarrow as pa

LINE = "_line"


@dataclass(frozen=True, kw_only=True)
class Reject:
    """A delivered row that fits no record of its file."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """Records of a stretch of the file, in file order, and an account of its lines.

    `table` has one text column per delivered column and `_line` (int64, 1-based
    physical line on which the record starts).
    """

    table: pa.Table
    rejects: list[Reject] = field(default_factory=list)
    #: Physical lines of the stretch, and how many held no row at all.
    lines: int = 0
    blank_lines: int = 0
    #: Lines after the first of records that span several.
    continuation_lines: int = 0
    #: Rows of totals that were left out.
    summary_rows: int = 0

    def assert_every_line_is_accounted_for(self) -> None:
        """Physical lines = rows + their continuations + rejects + blanks."""
        accounted = (
            self.table.num_rows
            + self.continuation_lines
            + len(self.rejects)
            + self.blank_lines
        )
        if accounted != self.lines:
            raise AssertionError(f"{self.lines} lines read, {accounted} accounted for")


def text_table(columns: tuple[str, ...], rows: list[list[str | None]]) -> pa.Table:
    """A table of text columns from rows of cells (small numbers of rows only)."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table(
        {
            name: pa.array(values, pa.string())
            for name, values in zip(columns, cells, strict=True)
        }
    )
