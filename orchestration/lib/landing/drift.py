"""How the columns of an export change from file to file, and what to do about it.

A file is compared with the most similar one before it, so that an export that comes in
parts of several layouts is no drift. The first is compared with the contract.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.deliveries import DeliveredFile

#: Names that are less alike than this are two columns, not one with a new name.
_ALIKE = 0.6


@dataclass(frozen=True, kw_only=True)
class SchemaChange:
    """One difference in the columns of a file; a row of `ops.schema_changes`."""

    source: str
    export: str
    file_id: str
    file_name: str
    change: str  # new, gone, renamed, reordered
    column_name: str
    #: The name before, of a renamed column.
    was: str | None
    remedy: str


def schema_changes(
    contract: ExportContract, files: Sequence[DeliveredFile]
) -> list[SchemaChange]:
    """The differences of each file, from the oldest delivery to the newest."""
    changes: list[SchemaChange] = []
    layouts: list[tuple[str, ...]] = []
    for file in files:
        columns = file.row.columns
        if columns in layouts:
            continue
        before = max(
            layouts or [contract.columns],
            key=lambda layout: len(set(layout) & set(columns)),
        )
        changes += _differences(contract, file, before, layouts)
        layouts.append(columns)
    return changes


def _differences(
    contract: ExportContract,
    file: DeliveredFile,
    before: tuple[str, ...],
    layouts: Sequence[tuple[str, ...]],
) -> list[SchemaChange]:
    columns = file.row.columns
    known = set(contract.columns).union(*layouts)
    new = [column for column in columns if column not in known]
    gone = [
        column
        for column in before
        if column in contract.columns
        and column not in columns
        and column not in contract.optional
    ]
    found: list[tuple[str, str, str | None, str]] = []
    for column in gone:
        heir = _heir(column, before, new, columns)
        if heir:
            new.remove(heir)
            found.append(
                ("renamed", heir, column,
                 f"name it among the aliases of {column} in the contract: until then"
                 f" {column} is empty")
            )  # fmt: skip
        else:
            found.append(
                ("gone", column, None,
                 "it is empty until the export has it again; mark it optional in the"
                 " contract if it is gone for good")
            )  # fmt: skip
    found += [
        ("new", column, None,
         "it is in the raw table; add it to the contract to use it")
        for column in new
    ]  # fmt: skip
    if not file.row.dialect or not file.row.dialect.startswith("json"):
        shared = [column for column in before if column in columns]
        moved = [column for column in columns if column in shared]
        found += [
            ("reordered", column, None, "nothing: columns are read by name")
            for was, column in zip(shared, moved, strict=True)
            if was != column
        ][:1]
    return [
        SchemaChange(
            source=contract.source,
            export=contract.export,
            file_id=file.file_id,
            file_name=file.row.file_name,
            change=change,
            column_name=column,
            was=was,
            remedy=remedy,
        )
        for change, column, was, remedy in found
    ]


def _heir(
    column: str, before: tuple[str, ...], new: Sequence[str], columns: tuple[str, ...]
) -> str | None:
    """The new column that seems to be this one: in its place, or alike in name."""
    place = before.index(column)
    if len(before) == len(columns) and columns[place] in new:
        return columns[place]
    alike = [candidate for candidate in new if _are_alike(column, candidate)]
    return alike[0] if alike else None


def _are_alike(column: str, candidate: str) -> bool:
    words, others = set(column.split("_")), set(candidate.split("_"))
    return (
        words <= others
        or others <= words
        or SequenceMatcher(None, column, candidate).ratio() >= _ALIKE
    )
