"""Files become Parquet: read once by content hash, every delivered row as text.

For each file `raw/<source>/<export>/<file_id>.parquet` holds its records with
`_file_id`, `_line` and `_loaded_at`, and `<file_id>.rejects.parquet` the rows that
fit no record. The data file appears last, by rename, and carries its own ledger row
in its metadata: a crash in between costs a repetition, never a row.
"""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.csv_reader import CsvReading
from orchestration.lib.landing.inspection import (
    Delivered,
    Refused,
    find_encoding,
    identify,
    is_compressed,
)
from orchestration.lib.landing.json_reader import JsonReading
from orchestration.lib.landing.records import LINE, Block, Reject

READERS: dict[str, type[CsvReading] | type[JsonReading]] = {
    "csv": CsvReading,
    "json": JsonReading,
}
#: Folders of a landing place that are not deliveries.
IGNORED_FOLDERS = frozenset({"truth"})
#: Blocks are gathered to row groups of this size, which compress and read well.
ROW_GROUP_BYTES = 16 * 1024 * 1024
_METADATA_KEY = "crm360.ledger"
_REJECTS = ".rejects.parquet"
_REJECTS_SCHEMA = pa.schema(
    [("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())]
)
_DATE_IN_NAME = re.compile(r"(20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])")


@dataclass(frozen=True, kw_only=True)
class LedgerRow:
    """One row of `ops.file_ledger`: a file seen in the landing place, and its fate."""

    file_id: str
    source: str | None
    export: str | None
    file_name: str
    bytes: int
    rows_delivered: int
    encoding: str | None
    dialect: str | None
    outcome: str  # landed, partly, refused, seen_before
    reason: str | None
    landed_at: datetime
    #: When it counts as delivered: the date in its name, else the run that landed it.
    delivered_at: datetime
    #: Rows that fit no record, and columns by how they met the contract.
    rows_rejected: int = 0
    columns: tuple[str, ...] = ()
    columns_missing: tuple[str, ...] = ()
    columns_extra: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The row as JSON, for the metadata of its Parquet file."""
        return json.dumps(asdict(self), default=datetime.isoformat)

    @classmethod
    def from_json(cls, text: str) -> "LedgerRow":
        """The row that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        times = {
            name: datetime.fromisoformat(values[name])
            for name in ("landed_at", "delivered_at")
        }
        return cls.from_values({**values, **times})

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "LedgerRow":
        """The row with these values by name; lists become tuples."""
        frozen: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values.items()
        }
        return cls(**frozen)


def delivered_files(landing: Path) -> list[str]:
    """Paths below the landing place, in the order in which they count as delivered.

    By the date in the name where there is one, then by name: never by modification
    time, which copying changes.
    """
    names = []
    for path in landing.rglob("*"):
        parts = path.relative_to(landing).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and not IGNORED_FOLDERS & set(parts[:-1]):
            names.append("/".join(parts))
    return sorted(names, key=lambda name: (_date_in(name), name))


def _date_in(name: str) -> str:
    found = _DATE_IN_NAME.findall(name)
    return "".join(found[-1]) if found else ""


def delivered_at(name: str, now: datetime) -> datetime:
    """When a file counts as delivered: the last date in its name, or now."""
    date = _date_in(name)
    return datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) if date else now


def is_dated(name: str) -> bool:
    """Whether the name says which day the file is about."""
    return bool(_date_in(name))


def claimed(
    names: Sequence[str], contracts: Sequence[ExportContract]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Which export each file belongs to, and why some belong to none.

    Returns: file names by export key, and reasons by file name.
    """
    by_export: dict[str, list[str]] = {contract.key: [] for contract in contracts}
    unclaimed: dict[str, str] = {}
    for name in names:
        keys = [contract.key for contract in contracts if contract.claims(name)]
        if len(keys) == 1:
            by_export[keys[0]].append(name)
        elif keys:
            unclaimed[name] = (
                f"the file name fits several exports ({', '.join(keys)}): put it into"
                " the folder of its source"
            )
        else:
            unclaimed[name] = (
                "no export expects a file of this name: rename it after one of the"
                " patterns in models/staging/*/*__sources.yml, or add a source"
            )
    return by_export, unclaimed


def unclaimed_row(name: str, delivered: Delivered, reason: str) -> LedgerRow:
    """The ledger row of a file that belongs to no export."""
    return LedgerRow(
        file_id=delivered.file_id,
        source=None,
        export=None,
        file_name=name,
        bytes=delivered.size,
        rows_delivered=0,
        encoding=None,
        dialect=None,
        outcome="refused",
        reason=f"{name}: {reason}",
        landed_at=(now := datetime.now(UTC)),
        delivered_at=delivered_at(name, now),
    )


def _unread_row(
    name: str, contract: ExportContract, error: OSError, landed_at: datetime
) -> LedgerRow:
    """The ledger row of a file that could not even be opened: its id is unknown."""
    return LedgerRow(
        file_id="",
        source=contract.source,
        export=contract.export,
        file_name=name,
        bytes=0,
        rows_delivered=0,
        encoding=None,
        dialect=None,
        outcome="refused",
        reason=f"{name}: cannot be opened ({error.strerror}); see that it is there and"
        " that its permissions and those of its folder let it be read",
        landed_at=landed_at,
        delivered_at=delivered_at(name, landed_at),
    )


def land_file(
    name: str,
    delivered: Delivered,
    contract: ExportContract,
    raw: Path,
    landed_at: datetime,
    run_at: datetime | None = None,
) -> LedgerRow:
    """Land one file; the returned row says what became of it.

    Args:
        run_at: when the files of this delivery arrived; default `landed_at`.

    Never raises for what a file may contain: an unreadable one is refused whole,
    with the reason, and leaves nothing behind.
    """
    row = LedgerRow(
        file_id=delivered.file_id,
        source=contract.source,
        export=contract.export,
        file_name=name,
        bytes=delivered.size,
        rows_delivered=0,
        encoding=None,
        dialect=None,
        outcome="refused",
        reason=None,
        landed_at=landed_at,
        delivered_at=delivered_at(name, run_at or landed_at),
    )
    folder = raw / contract.source / contract.export
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder, delivered.file_id, landed_at)
    try:
        encoding = find_encoding(delivered.path, contract.encoding)
        row = replace(row, encoding=encoding)
        reading = READERS[contract.reader](delivered.path, contract, encoding)
        for block in reading:
            writer.write(_without_summary_rows(block, contract), reading.constants)
        columns = (*reading.columns, *reading.constants)
        missing = set(contract.columns) - set(columns) - contract.optional
        never_there = sorted(missing & contract.required)
        if never_there and writer.rows:
            raise Refused(
                f"no row has the column {', '.join(never_there)}"
                f" (found: {', '.join(columns)}); export the file with it"
            )
    except (Refused, OSError) as error:
        writer.discard()
        reason = str(error) or type(error).__name__
        return replace(row, reason=f"{name}: {reason}")
    kind = f"{reading.dialect}{'; gzip' if is_compressed(delivered.path) else ''}"
    reasons = []
    if reading.cut_short:
        reasons.append(
            f"{name}: {reading.cut_short} after line {writer.last_line}; the rows"
            " before it are landed, ask for the file again"
        )
    if writer.rejects:
        reasons.append(f"{writer.rejects} rows fit no record: see quarantine")
    if writer.summary_rows:
        reasons.append(f"{writer.summary_rows} rows of totals are no records")
    if not writer.rows and not writer.rejects:
        reasons.append("the file holds a header and no rows")
    row = replace(
        row,
        rows_delivered=writer.rows + writer.rejects,
        rows_rejected=writer.rejects,
        dialect=kind,
        outcome="partly" if reading.cut_short else "landed",
        reason="; ".join(reasons) or None,
        columns=columns,
        columns_missing=tuple(sorted(missing)),
        columns_extra=tuple(name for name in columns if name not in contract.columns),
    )
    writer.commit(row)
    return row


def _without_summary_rows(block: Block, contract: ExportContract) -> Block:
    """The block without rows of totals, which it counts."""
    if not contract.summary_rows:
        return block
    start = "|".join(re.escape(start) for start in contract.summary_rows)
    is_total = compute.fill_null(
        compute.match_substring_regex(block.table[0], f"^({start})"), False
    )
    rejects = [
        reject for reject in block.rejects if not re.match(f'"?({start})', reject.text)
    ]
    records = block.table.filter(compute.invert(is_total))
    return replace(
        block,
        table=records,
        rejects=rejects,
        summary_rows=block.table.num_rows
        - records.num_rows
        + len(block.rejects)
        - len(rejects),
    )


def land_export(
    contract: ExportContract,
    names: Sequence[str],
    *,
    landing: Path,
    raw: Path,
    known: Sequence[LedgerRow],
    now: datetime,
    progress: Callable[[str], None] = lambda message: None,
) -> Iterator[LedgerRow]:
    """Land the files of one export that are new by content; yield their ledger rows.

    Args:
        names: paths below `landing`, in order of delivery.
        known: ledger rows of earlier runs; refused files are tried again.
        now: time of this landing; each file gets a later one than the file before.
    """
    read = {row.file_id: row for row in known if row.outcome in ("landed", "partly")}
    seen = {(row.file_id, row.file_name) for row in known if row.outcome != "refused"}
    for number, name in enumerate(names):
        landed_at = now + timedelta(microseconds=number)
        try:
            delivered = identify(landing / name)
        except OSError as error:
            yield _unread_row(name, contract, error, landed_at)
            continue
        first = read.get(delivered.file_id)
        if (delivered.file_id, name) in seen:
            continue
        if first is not None:
            yield replace(
                first,
                file_name=name,
                rows_delivered=0,
                rows_rejected=0,
                outcome="seen_before",
                reason=f"the same content as {first.file_name}: not read again",
                landed_at=landed_at,
                delivered_at=delivered_at(name, now),
            )
            continue
        progress(f"landing {name} ({delivered.size / 1e6:.1f} MB)")
        row = land_file(name, delivered, contract, raw, landed_at, run_at=now)
        if row.outcome != "refused":
            read[row.file_id] = row
        yield row


def landed_rows(raw: Path) -> list[LedgerRow]:
    """Ledger rows kept inside the landed files themselves, oldest first."""
    rows = []
    for path in raw.glob("*/*/*.parquet"):
        if not path.name.endswith(_REJECTS):
            metadata = parquet.read_metadata(path).metadata
            rows.append(LedgerRow.from_json(metadata[_METADATA_KEY.encode()].decode()))
    return sorted(rows, key=lambda row: (row.landed_at, row.file_name))


def data_path(raw: Path, row: LedgerRow) -> Path:
    """Where the records of a landed file lie."""
    return raw / str(row.source) / str(row.export) / f"{row.file_id}.parquet"


def rejects_path(raw: Path, row: LedgerRow) -> Path:
    """Where its rows that fit no record lie: `_line`, `reason`, `text`."""
    return data_path(raw, row).with_name(f"{row.file_id}{_REJECTS}")


class _Writer:
    """Parquet files of one delivered file, invisible until `commit`."""

    def __init__(self, folder: Path, file_id: str, landed_at: datetime) -> None:
        self.rows = 0
        self.summary_rows = 0
        self.last_line = 0
        self.rejects = 0
        self._folder, self._file_id, self._landed_at = folder, file_id, landed_at
        self._parts: list[Path] = []
        self._pending: list[pa.Table] = []
        self._writer: parquet.ParquetWriter | None = None
        self._rejects = _parquet_writer(self._temporary("rejects"), _REJECTS_SCHEMA)

    def write(self, block: Block, constants: Mapping[str, str]) -> None:
        """Append a block; one that brings new columns starts a new part.

        Args:
            constants: columns with one value for all rows of the file.
        """
        self._write_rejects(block.rejects)
        self.rows += block.table.num_rows
        self.summary_rows += block.summary_rows
        lines = [reject.line for reject in block.rejects[-1:]]
        if block.table.num_rows:
            lines.append(block.table[LINE][-1].as_py())
        self.last_line = max([self.last_line, *lines])
        table = block.table
        loaded_at = pa.scalar(self._landed_at.replace(tzinfo=None), pa.timestamp("us"))
        for name, value in (
            *constants.items(),
            ("_file_id", self._file_id),
            ("_loaded_at", loaded_at),
        ):
            table = table.append_column(name, pa.repeat(value, table.num_rows))
        if self._writer is None or self._writer.schema.names != table.schema.names:
            self._close()
            self._parts.append(self._temporary(str(len(self._parts))))
            self._writer = _parquet_writer(self._parts[-1], table.schema)
        self._pending.append(table)
        if sum(table.nbytes for table in self._pending) >= ROW_GROUP_BYTES:
            self._flush()

    def commit(self, row: LedgerRow) -> None:
        """Make the rejects, then the data file, visible under their names."""
        metadata = {_METADATA_KEY: row.to_json()}
        self._rejects.close()
        final = self._folder / f"{self._file_id}.parquet"
        _move(self._temporary("rejects"), final.with_name(f"{self._file_id}{_REJECTS}"))
        if len(self._parts) > 1:
            self._merge()
        assert self._writer is not None, "a reading yields at least one block"
        self._flush()
        self._writer.add_key_value_metadata(metadata)
        self._close()
        _move(self._parts[-1], final)
        self.discard()

    def discard(self) -> None:
        """Remove what is not committed."""
        self._pending = []
        self._close()
        self._rejects.close()
        for part in (*self._parts, self._temporary("rejects")):
            part.unlink(missing_ok=True)

    def _write_rejects(self, rejects: Sequence[Reject]) -> None:
        self.rejects += len(rejects)
        if rejects:
            columns = {
                name: [getattr(reject, name) for reject in rejects]
                for name in _REJECTS_SCHEMA.names
            }
            self._rejects.write_table(pa.table(columns, schema=_REJECTS_SCHEMA))

    def _merge(self) -> None:
        """Rewrite parts with differing columns as one; absent columns are null."""
        self._close()
        schema = pa.unify_schemas([parquet.read_schema(part) for part in self._parts])
        parts, merged = list(self._parts), self._temporary("merged")
        self._parts.append(merged)
        self._writer = _parquet_writer(merged, schema)
        for part in parts:
            for batch in parquet.ParquetFile(part).iter_batches():
                table = pa.Table.from_batches([batch])
                self._writer.write_table(pa.concat_tables(
                    [schema.empty_table(), table], promote_options="default"
                ))  # fmt: skip

    def _temporary(self, name: str) -> Path:
        return self._folder / f".{self._file_id}.{name}"

    def _flush(self) -> None:
        """Write what was held back to fill a row group."""
        if self._writer is not None and self._pending:
            self._writer.write_table(pa.concat_tables(self._pending))
        self._pending = []

    def _close(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _parquet_writer(path: Path, schema: pa.Schema) -> parquet.ParquetWriter:
    return parquet.ParquetWriter(
        path,
        schema,
        compression="zstd",
        # A dictionary that grows larger does not pay: columns of distinct values are
        # given up on early, which saves a third of the time and of the bytes.
        dictionary_pagesize_limit=64 * 1024,
    )


def _move(temporary: Path, final: Path) -> None:
    """Rename over `final` once the bytes are on disk."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(final)
