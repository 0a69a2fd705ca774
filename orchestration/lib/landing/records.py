"""What a reader hands to the lander: blocks of all-text records, and rejects."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Protocol

import pyarrow as pa

from orchestration.lib.landing.inspection import Refused

LINE = "_line"
_WHOLE_NUMBER = re.compile("-?[0-9]+")
#: More of them are no columns but data.
MAX_COLUMNS = 5_000
#: A file may always have so many rejects; more of them must be outnumbered by records.
MAX_REJECTS = 100_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Reject:
    """A delivered row that fits no record of its file."""

    line: int
    reason: str
    text: str


def refuse_if_mostly_rejects(rejects: Sequence[Reject], others: int) -> None:
    """Give up on a stretch that is something else than it was taken for.

    Its rejects would fill the memory, and then the quarantine, and help nobody.

    Args:
        rejects: those of the stretch so far.
        others: how many of its rows may still be records.
    """
    if len(rejects) > max(MAX_REJECTS, others):
        first = min(rejects, key=lambda reject: reject.line)
        raise Refused(
            f"more than {len(rejects) - 1} rows fit no record, the first on line"
            f" {first.line} ({first.reason}): ask for the export again"
        )


@dataclass(frozen=True, kw_only=True)
class Block:
    """Records of a stretch of the file, in file order, and an account of its lines.

    `table` has one text column per delivered column and `_line` (int64, 1-based: the
    physical line on which the record starts, or what the format has in its stead).
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


class Reading(Protocol):
    """One pass over a delivered file; what is found is complete after the pass."""

    #: Why the content ended before the file did, or None.
    cut_short: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns found, as named in the raw table."""

    @property
    def constants(self) -> Mapping[str, str]:
        """Columns with one value for all rows of the file."""

    @property
    def dialect(self) -> object:
        """What was found in the file; its text is kept in the ledger."""

    def __iter__(self) -> Iterator[Block]:
        """One or more blocks, in file order."""


def number_text(number: str) -> str:
    """A number in the fewest digits that give the same double: `5`, `0.29`.

    Whole numbers keep all their digits.
    """
    if _WHOLE_NUMBER.fullmatch(number) or not isfinite(value := float(number)):
        return number
    shortest = repr(value).removesuffix(".0")
    return format(Decimal(shortest), "f") if "e" in shortest else shortest


def text_table(columns: tuple[str, ...], rows: list[list[str | None]]) -> pa.Table:
    """A table of text columns from rows of cells (small numbers of rows only)."""
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pa.table(
        {
            name: pa.array(values, pa.string())
            for name, values in zip(columns, cells, strict=True)
        }
    )
