"""Which column each cell of a header row stands for.

Exports name the same column differently by language, account and report settings,
and put facts into the header itself: `Amount spent (EUR)`. A contract lists such
spellings as `aliases`; a name in braces takes what stands there as the value of
another column, the same for every row of the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestration.lib.landing.contract import (
    ExportContract,
    column_name,
    distinct_names,
)
from orchestration.lib.landing.inspection import Refused

#: How many records may stand up to and including the header.
MAX_HEADER_RECORD = 25


@dataclass(frozen=True, kw_only=True)
class Header:
    """The columns of a delivered table, by position, as named in the raw table."""

    columns: tuple[str, ...]
    #: Values that the header states for all rows, by column.
    constants: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """All columns that the file fills."""
        return frozenset(self.columns) | frozenset(self.constants)

    def missing(self, contract: ExportContract) -> list[str]:
        """Required columns that are not there, sorted."""
        return sorted(contract.required - self.names)

    def known(self, contract: ExportContract) -> int:
        """How many of the contract's columns are there."""
        return len(self.names & set(contract.columns))


class HeaderSearch:
    """Looks for the first of the leading rows that has the required columns.

    Report titles and date ranges may stand above it.
    """

    def __init__(self, contract: ExportContract) -> None:
        self._contract = contract
        self._closest: tuple[str, Header] | None = None

    def accepts(self, place: str, header: Header) -> bool:
        """Whether this row is the header; where it is not, it is remembered."""
        if not header.missing(self._contract):
            return True
        if self._closest is None or header.known(self._contract) > self._closest[
            1
        ].known(self._contract):
            self._closest = place, header
        return False

    def refusal(self) -> Refused:
        """Why there is no header, told of the row that came closest to one."""
        if self._closest is None:
            return Refused("the file holds no header line: ask for the export again")
        place, header = self._closest
        return Refused(
            f"{place}: the header lacks the column"
            f" {', '.join(header.missing(self._contract))} (found:"
            f" {', '.join(header.columns)}); export the file with it, or name it among"
            " the column's aliases in the contract"
        )


def read_header(cells: Sequence[str], contract: ExportContract) -> Header:
    """The header that a row of cells is, taken as one."""
    aliases = [
        (column, _alias_pattern(alias))
        for column, spellings in contract.aliases.items()
        for alias in spellings
    ]
    names: list[str] = []
    constants: dict[str, str] = {}
    for cell in cells:
        text = " ".join(cell.split())
        for column, pattern in aliases:
            if found := pattern.fullmatch(text):
                names.append(column)
                constants |= {
                    name: value.strip() for name, value in found.groupdict().items()
                }
                break
        else:
            names.append(column_name(text))
    columns = tuple(distinct_names(names))
    return Header(
        columns=columns,
        constants={
            name: value for name, value in constants.items() if name not in columns
        },
    )


def _alias_pattern(alias: str) -> re.Pattern[str]:
    """`Amount spent ({currency})` as a pattern with the group `currency`."""
    parts = re.split(r"\{(\w+)\}", " ".join(alias.split()))
    pattern = "".join(
        f"(?P<{part}>[^()]+)" if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
    return re.compile(pattern, re.IGNORECASE)
