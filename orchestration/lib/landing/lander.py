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
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.digests import Digests
from orchestration.lib.landing.encoding import tell_encoding
from orchestration.lib.landing.formats import (
    DOCUMENT_READERS,
    TEXT_READERS,
    document_format,
    text_format,
)
from orchestration.lib.landing.inspection import (
    Delivered,
    Refused,
    as_file,
    head,
    identify,
    is_compressed,
)
from orchestration.lib.landing.landing_place import LandingFile, delivered_at
from orchestration.lib.landing.records import LINE, Block, Reading, Reject

#: Blocks are gathered to row groups of this size, which compress and read well.
ROW_GROUP_BYTES = 16 * 1024 * 1024
_METADATA_KEY = "crm360.ledger"
_REJECTS = ".rejects.parquet"
_REJECTS_SCHEMA = pa.schema(
    [("line", pa.int64()), ("reason", pa.string()), ("text", pa.string())]
)
#: How much of a text shows which format it has.
_HEAD_BYTES = 4096


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


def unclaimed_row(file: LandingFile, reason: str) -> LedgerRow:
    """The ledger row of a file that belongs to no export."""
    row = _refused_row(file.name, None, datetime.now(UTC))
    try:
        delivered = identify(file.path, file.member)
    except (OSError, Refused):
        return replace(row, reason=f"{file.name}: {reason}")
    return replace(
        row,
        file_id=delivered.file_id,
        bytes=delivered.size,
        reason=f"{file.name}: {reason}",
    )


def _refused_row(
    name: str, contract: ExportContract | None, landed_at: datetime
) -> LedgerRow:
    """The ledger row of a file of which nothing is known yet."""
    return LedgerRow(
        file_id="",
        source=contract.source if contract else None,
        export=contract.export if contract else None,
        file_name=name,
        bytes=0,
        rows_delivered=0,
        encoding=None,
        dialect=None,
        outcome="refused",
        reason=None,
        landed_at=landed_at,
        delivered_at=delivered_at(name, landed_at),
    )


def _unread_reason(error: OSError | Refused) -> str:
    """Why a file could not even be identified."""
    if isinstance(error, Refused):
        return str(error)
    return (
        f"cannot be opened ({error.strerror}); see that it is there and that its"
        " permissions and those of its folder let it be read"
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
    row = replace(
        _refused_row(name, contract, landed_at),
        file_id=delivered.file_id,
        bytes=delivered.size,
        delivered_at=delivered_at(name, run_at or landed_at),
    )
    folder = _folder(contract, raw)
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder, delivered.file_id, landed_at)
    notes: list[str] = []
    try:
        with ExitStack() as resources:
            form = contract.format or document_format(delivered)
            if form in DOCUMENT_READERS:
                file = resources.enter_context(as_file(delivered))
                reading = DOCUMENT_READERS[form](file, contract)
            else:
                found = tell_encoding(delivered, contract)
                row = replace(row, encoding=found.name)
                notes = [found.note] if found.note else []
                reading = _text_reading(delivered, contract, found.name)
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
    kind = f"{reading.dialect}{'; gzip' if is_compressed(delivered) else ''}"
    reasons = notes
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


def _text_reading(
    delivered: Delivered, contract: ExportContract, encoding: str
) -> Reading:
    start = head(delivered, _HEAD_BYTES).decode(encoding, errors="ignore")
    form = contract.format or text_format(start)
    return TEXT_READERS[form](delivered, contract, encoding)


def _without_summary_rows(block: Block, contract: ExportContract) -> Block:
    """The block without rows of totals, which it counts."""
    records, rejects = block.table, block.rejects
    if contract.summary_rows:
        start = "|".join(re.escape(start) for start in contract.summary_rows)
        is_total = compute.match_substring_regex(records[0], f"^({start})")
        records = records.filter(compute.invert(compute.fill_null(is_total, False)))
        rejects = [
            reject for reject in rejects if not re.match(f'"?({start})', reject.text)
        ]
    if contract.summary_without in records.column_names:
        records = records.filter(compute.is_valid(records[contract.summary_without]))
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
    files: Sequence[LandingFile],
    *,
    raw: Path,
    known: Sequence[LedgerRow],
    now: datetime,
    progress: Callable[[str], None] = lambda message: None,
) -> Iterator[LedgerRow]:
    """Land the files of one export that are new by content; yield their ledger rows.

    Args:
        files: in order of delivery.
        known: ledger rows of earlier runs; refused files are tried again.
        now: time of this landing; each file gets a later one than the file before.
    """
    if files:
        _folder(contract, raw).mkdir(parents=True, exist_ok=True)
    read = {row.file_id: row for row in known if row.outcome in ("landed", "partly")}
    seen = {(row.file_id, row.file_name) for row in known if row.outcome != "refused"}
    digests = Digests(_folder(contract, raw) / ".digests.json", now)
    for number, file in enumerate(files):
        name, landed_at = file.name, now + timedelta(microseconds=number)
        try:
            delivered = digests.identify(file)
        except (OSError, Refused) as error:
            reason = f"{name}: {_unread_reason(error)}"
            yield replace(_refused_row(name, contract, landed_at), reason=reason)
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
    if files:
        digests.save()


def landed_rows(raw: Path) -> list[LedgerRow]:
    """Ledger rows kept inside the landed files themselves, oldest first."""
    rows = []
    for path in raw.glob("*/*/*.parquet"):
        if not path.name.endswith(_REJECTS):
            metadata = parquet.read_metadata(path).metadata
            rows.append(LedgerRow.from_json(metadata[_METADATA_KEY.encode()].decode()))
    return sorted(rows, key=lambda row: (row.landed_at, row.file_name))


def was_delivered(contract: ExportContract, raw: Path) -> bool:
    """Whether any file of the export was ever seen, be it that it was refused."""
    return _folder(contract, raw).is_dir()


def _folder(contract: ExportContract, raw: Path) -> Path:
    return raw / contract.source / contract.export


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
