"""Audiences as CSV files in a folder.

    <audience>/members.csv            who is in, replaced as a whole
    <audience>/changes/<key>.csv      what one plan added, changed and removed

A change file is named after its content, so that sending it again writes it again.
"""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestration.lib.activation.destinations.base import Answer, Batch, Row

#: A spreadsheet would run what starts with one of these.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class FileDestination:
    """A folder; a batch counts as acknowledged once its file is on disk."""

    def __init__(self, folder: Path, batch_rows: int) -> None:
        self.batch_rows = batch_rows
        self._folder = folder

    def send(self, batch: Batch) -> dict[str, Answer]:
        """Write the batch as one change file."""
        names = list(batch.rows[0].fields or {}) if batch.rows else []
        for row in batch.rows:
            names += [name for name in row.fields or {} if name not in names]
        _write(
            self._folder / batch.audience / "changes" / f"{batch.idempotency_key}.csv",
            ["operation", "customer_id", *names],
            [
                [row.operation, row.customer_id, *_cells(row, names)]
                for row in batch.rows
            ],
        )
        return {row.key_hash: Answer(outcome="acknowledged") for row in batch.rows}

    def settle(self, audience: str, fields: Sequence[str], rows: Sequence[Row]) -> None:
        """Replace the list of members, if it is another one than before."""
        _write(
            self._folder / audience / "members.csv",
            ["customer_id", *fields],
            [[row.customer_id, *_cells(row, fields)] for row in rows],
        )


def _cells(row: Row, names: Sequence[str]) -> list[str]:
    return [_text((row.fields or {}).get(name)) for name in names]


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and text.startswith(_FORMULA_STARTS):
        return f"'{text}"
    return text


def _write(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
