"""`ops.file_ledger` and the raw tables, kept in step with the landed files."""

from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import duckdb

from orchestration.lib.landing.contract import ExportContract
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
    rows_rejected bigint not null,
    columns varchar[] not null,
    columns_missing varchar[] not null,
    columns_extra varchar[] not null,
    primary key (file_id, file_name)
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
        values[_INDEX["landed_at"]] = row.landed_at.replace(tzinfo=None)
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
    was delivered, then `_file_id`, `_line` and `_loaded_at`.
    """
    rows = [
        row for row in read(connection, contract) if row.outcome in ("landed", "partly")
    ]
    delivered = {name: None for row in rows for name in row.columns}
    extra = sorted(delivered.keys() - set(contract.columns))
    columns = [
        quoted(name)
        if name in delivered
        else f"cast(null as varchar) as {quoted(name)}"
        for name in [*contract.columns, *extra]
    ]
    table = f"{quoted(contract.source)}.{quoted(contract.export)}"
    connection.execute(f"create schema if not exists {quoted(contract.source)}")
    if rows:
        paths = ", ".join(literal(str(data_path(raw, row).absolute())) for row in rows)
        origin = f"from read_parquet([{paths}], union_by_name = true)"
        bookkeeping = "_file_id, _line, _loaded_at"
    else:
        origin = "where false"
        bookkeeping = (
            "cast(null as varchar) as _file_id, cast(null as bigint) as _line,"
            " cast(null as timestamp) as _loaded_at"
        )
    connection.execute(
        f"create or replace view {table} as"
        f" select {', '.join(columns)}, {bookkeeping} {origin}"
    )
    return sum(row.rows_delivered - row.rows_rejected for row in rows)


_INDEX = {field.name: index for index, field in enumerate(fields(LedgerRow))}
