"""`ops.file_ledger` and the raw tables, kept in step with the landed files."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import duckdb

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.deliveries import in_order
from orchestration.lib.landing.drift import SchemaChange, schema_changes
from orchestration.lib.landing.lander import LedgerRow, data_path, landed_rows
from orchestration.lib.warehouse import literal, quoted

_LEDGER = """
create schema if not exists ops;
create table if not exists ops.file_ledger (
    file_id varchar not null,
    source varchar,
    export varchar,
    file_name varchar not null,
    bytes bigint not null,
    rows_delivered bigint not null,
    encoding varchar,
    dialect varchar,
    outcome varchar not null,
    reason varchar,
    landed_at timestamp not null,
    delivered_at timestamp not null,
    rows_rejected bigint not null,
    columns varchar[] not null,
    columns_missing varchar[] not null,
    columns_extra varchar[] not null,
    primary key (file_id, file_name)
);
"""
_SCHEMA_CHANGES = """
create or replace table ops.schema_changes (
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    file_name varchar not null,
    change varchar not null,
    column_name varchar not null,
    was varchar,
    remedy varchar not null
);
"""
_COLUMNS = ", ".join(field.name for field in fields(LedgerRow))


def create_ledger(connection: duckdb.DuckDBPyConnection, raw: Path) -> None:
    """Create the ledger, and give it back rows of landed files that it has lost.

    The landed files carry their ledger rows themselves, so that a crash between
    file and row, or the loss of the warehouse, forgets no delivery.
    """
    connection.execute(_LEDGER)
    known = {
        row[0]
        for row in connection.execute(
            "select file_id from ops.file_ledger where outcome in ('landed', 'partly')"
        ).fetchall()
    }
    record(connection, (row for row in landed_rows(raw) if row.file_id not in known))


def record(connection: duckdb.DuckDBPyConnection, rows: Iterable[LedgerRow]) -> None:
    """Insert ledger rows, replacing what was known of the same file and name."""
    places = ", ".join("?" for _ in fields(LedgerRow))
    for row in rows:
        values = [getattr(row, field.name) for field in fields(LedgerRow)]
        values = [
            list(value) if isinstance(value, tuple) else value for value in values
        ]
        for name in ("landed_at", "delivered_at"):
            values[_INDEX[name]] = getattr(row, name).replace(tzinfo=None)
        connection.execute(
            f"insert or replace into ops.file_ledger ({_COLUMNS}) values ({places})",
            values,
        )


def read(
    connection: duckdb.DuckDBPyConnection, contract: ExportContract
) -> list[LedgerRow]:
    """The ledger rows of one export, in order of landing."""
    found = connection.execute(
        f"""
        select {_COLUMNS}
        from ops.file_ledger
        where source = ? and export = ?
        order by landed_at, file_name
        """,
        [contract.source, contract.export],
    ).fetchall()
    names = [field.name for field in fields(LedgerRow)]
    return [LedgerRow.from_values(dict(zip(names, row, strict=True))) for row in found]


def create_raw_table(
    connection: duckdb.DuckDBPyConnection, contract: ExportContract, raw: Path
) -> int:
    """Show all landed files of an export as one table; returns its row count.

    A view over Parquet: contract columns first and always there, then whatever else
    was delivered, then `_file_id`, `_line`, `_loaded_at`, the number of the file's
    delivery and whether a corrected file has superseded it. It is there twice:
    `orders__delivered` stays as delivered, in `orders` the gate shows repaired texts.
    """
    files = in_order(contract, read(connection, contract))
    delivered = {name: None for file in files for name in file.row.columns}
    extra = sorted(delivered.keys() - set(contract.columns))
    columns = [
        f"landed.{quoted(name)}"
        if name in delivered
        else f"cast(null as varchar) as {quoted(name)}"
        for name in [*contract.columns, *extra]
    ]
    table = f"{quoted(contract.source)}.{quoted(contract.export)}"
    untouched = f"{quoted(contract.source)}.{quoted(f'{contract.export}__delivered')}"
    connection.execute(f"create schema if not exists {quoted(contract.source)}")
    if files:
        paths = ", ".join(
            literal(str(data_path(raw, file.row).absolute())) for file in files
        )
        numbers = ", ".join(
            f"({literal(file.file_id)}, {file.number}, {file.is_superseded})"
            for file in files
        )
        columns += ["landed._file_id", "landed._line", "landed._loaded_at"]
        columns += ["deliveries._delivery", "deliveries._is_superseded"]
        origin = (
            f"from read_parquet([{paths}], union_by_name = true) as landed"
            f" inner join (values {numbers})"
            " as deliveries (_file_id, _delivery, _is_superseded)"
            " on deliveries._file_id = landed._file_id"
        )
    else:
        columns += [
            f"cast(null as {type_}) as {name}" for name, type_ in _BOOKKEEPING.items()
        ]
        origin = "where false"
    connection.execute(
        f"create or replace view {untouched} as select {', '.join(columns)} {origin}"
    )
    connection.execute(f"create or replace view {table} as from {untouched}")
    return sum(file.row.rows_delivered - file.row.rows_rejected for file in files)


def record_schema_changes(
    connection: duckdb.DuckDBPyConnection, contracts: Sequence[ExportContract]
) -> list[SchemaChange]:
    """Rebuild `ops.schema_changes`; returns those of the newest file of each export."""
    connection.execute(_SCHEMA_CHANGES)
    newest = []
    for contract in contracts:
        files = in_order(contract, read(connection, contract))
        changes = schema_changes(contract, files)
        newest += [each for each in changes if each.file_id == files[-1].file_id]
        for change in changes:
            connection.execute(
                "insert into ops.schema_changes values (?, ?, ?, ?, ?, ?, ?, ?)",
                list(asdict(change).values()),
            )
    return newest


_BOOKKEEPING = {
    "_file_id": "varchar",
    "_line": "bigint",
    "_loaded_at": "timestamp",
    "_delivery": "integer",
    "_is_superseded": "boolean",
}
_INDEX = {field.name: index for index, field in enumerate(fields(LedgerRow))}
