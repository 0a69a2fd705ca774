"""What people decided about pairs of records: the same person, or never.

`identity_decisions.jsonl` has one decision a line, to be read and reviewed:

    {"decision": "veto", "left": "hubspot.contacts:17", "right": "shopify.orders:90",
     "by": "anna", "at": "2026-11-02T09:30:00Z", "note": "father and son"}

A decision wins over every rule. Deleting its line undoes it.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import duckdb

KINDS = ("pin", "veto")


class DecisionsRefused(ValueError):
    """The file holds a line that cannot be followed; the message names it."""


@dataclass(frozen=True)
class RecordKey:
    """A source record, written `source.export:record_id`."""

    source: str
    export: str
    record_id: str

    def __str__(self) -> str:
        return f"{self.source}.{self.export}:{self.record_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The record that is meant.

        Raises:
            ValueError: the text is no record.
        """
        export, colon, record_id = text.partition(":")
        source, dot, export = export.partition(".")
        if not (source and dot and export and colon and record_id):
            raise ValueError(f"{text!r} is no record: write source.export:record_id")
        return cls(source, export, record_id)


@dataclass(frozen=True)
class Decision:
    """Two records are one person (`pin`) or are not (`veto`)."""

    kind: str
    left: RecordKey
    right: RecordKey
    by: str
    at: datetime
    note: str = ""

    def to_json(self) -> str:
        """The decision as its line in the file."""
        return json.dumps(
            {
                "decision": self.kind,
                "left": str(self.left),
                "right": str(self.right),
                "by": self.by,
                "at": self.at.isoformat(),
                **({"note": self.note} if self.note else {}),
            },
            ensure_ascii=False,
        )


def read_decisions(path: Path) -> list[Decision]:
    """All decisions of the file, none if there is no file.

    Raises:
        DecisionsRefused: a line is no decision, or takes back another.
    """
    if not path.exists():
        return []
    decisions: dict[frozenset[RecordKey], tuple[int, Decision]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path.name}: line {number}"
        try:
            decision = _parse(json.loads(line))
        except (KeyError, TypeError, ValueError) as error:
            raise DecisionsRefused(
                f"{where}: {error}; mend or delete the line, it is one decision"
            ) from error
        pair = frozenset((decision.left, decision.right))
        before = decisions.get(pair)
        if before and before[1].kind != decision.kind:
            raise DecisionsRefused(
                f"{where}: a {decision.kind} of the records that line {before[0]} has a"
                f" {before[1].kind} of; delete one of the two lines"
            )
        decisions[pair] = (number, decision)
    return [decision for _, decision in decisions.values()]


def write_decision(path: Path, decision: Decision) -> None:
    """Append a decision to the file.

    Raises:
        DecisionsRefused: the file holds another decision about the same records.
    """
    pair = {decision.left, decision.right}
    for known in read_decisions(path):
        if {known.left, known.right} == pair:
            raise DecisionsRefused(
                f"{path.name} has a {known.kind} of {known.left} and {known.right}, by"
                f" {known.by}: delete that line first"
            )
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{decision.to_json()}\n")


def load_decisions(
    connection: duckdb.DuckDBPyConnection, decisions: Iterable[Decision]
) -> None:
    """Write the temporary table `overrides`: the decisions as rows."""
    connection.execute(
        """
        create or replace temp table overrides (
            decision varchar not null,
            left_source varchar not null,
            left_export varchar not null,
            left_record_id varchar not null,
            right_source varchar not null,
            right_export varchar not null,
            right_record_id varchar not null,
            decided_by varchar not null,
            decided_at timestamp not null,
            note varchar
        )
        """
    )
    for each in decisions:
        connection.execute(
            "insert into overrides values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                each.kind,
                *asdict(each.left).values(),
                *asdict(each.right).values(),
                each.by,
                each.at.astimezone(UTC).replace(tzinfo=None),
                each.note or None,
            ],
        )


def _parse(line: dict[str, str]) -> Decision:
    if line["decision"] not in KINDS:
        raise ValueError(f"the decision is none of {', '.join(KINDS)}")
    left, right = (RecordKey.parse(line[side]) for side in ("left", "right"))
    if left == right:
        raise ValueError("both records are the same")
    return Decision(
        kind=line["decision"],
        left=left,
        right=right,
        by=line["by"],
        at=datetime.fromisoformat(line["at"]),
        note=line.get("note", ""),
    )
