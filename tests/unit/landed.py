"""Land one file and look at what came of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pyarrow.parquet as parquet

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import identify
from orchestration.lib.landing.lander import (
    LedgerRow,
    data_path,
    land_file,
    rejects_path,
)

NOW = datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
CONTRACT = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("*",),
    columns=("id", "name", "note"),
    required=frozenset({"id"}),
    optional=frozenset({"name", "note"}),
)


@dataclass(frozen=True)
class Landed:
    """The ledger row, and the records and rejects where there are any."""

    ledger: LedgerRow
    records: list[dict[str, Any]]
    rejects: list[dict[str, Any]]

    @property
    def cells(self) -> list[tuple[Any, ...]]:
        """`_line` and the cells of all records, in the order of the columns."""
        return [
            (record["_line"], *(record[name] for name in self.ledger.columns))
            for record in self.records
        ]

    def column(self, name: str) -> list[str | None]:
        """The texts of one column."""
        return [record[name] for record in self.records]


def land(folder: Path, content: bytes, contract: ExportContract = CONTRACT) -> Landed:
    """Deliver one file and land it below the folder."""
    path = folder / "delivered"
    path.write_bytes(content)
    raw = Path(mkdtemp(dir=folder))
    row = land_file("delivered", identify(path), contract, raw, NOW)
    if row.outcome == "refused":
        assert not [each for each in raw.rglob("*") if each.is_file()]
        return Landed(row, [], [])
    records = parquet.read_table(data_path(raw, row)).to_pylist()
    rejects = parquet.read_table(rejects_path(raw, row)).to_pylist()
    assert row.rows_delivered == len(records) + len(rejects)
    assert row.rows_rejected == len(rejects)
    return Landed(row, records, rejects)
