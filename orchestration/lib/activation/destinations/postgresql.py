"""Audiences as rows of a PostgreSQL table, one transaction per batch.

    create table crm.members (
        audience text, customer_id text, email text, first_name text,
        unique (audience, customer_id)
    )

The table is made by its owner, who chooses its types; columns that nothing is mapped to
are left alone. What becomes of a member's row, by mode:

    mirror, upsert   inserted or updated, and deleted with the member
    create           inserted if there is none, and deleted with the member
    append           inserted for each state of the member, and all are deleted with
                     them; `unique (idempotency_key)` lets none be inserted twice
    update           updated if there is one; never deleted, as it is its owner's

Rows travel as JSON, and the database makes its own types of it. Errors give its codes
(SQLSTATE) only, as its messages quote values.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import make_conninfo

from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    MODES,
    Answer,
    Answers,
    Batch,
    BatchRefused,
    Capabilities,
    Destination,
    InDoubt,
    Kind,
    NotSent,
    Options,
    Row,
)
from orchestration.lib.retries import Failed, patiently
from orchestration.lib.warehouse import quoted

_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric"), "number"),
    **dict.fromkeys(("real", "double precision"), "number"),
    "boolean": "boolean",
    "date": "date",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamp",
}
#: Classes of SQLSTATE for what is in the rows: values, constraints, sizes, triggers.
_OF_THE_ROWS = ("22", "23", "44", "54", "P0")

_Connection = psycopg.Connection[tuple[Any, ...]]
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class PostgresqlOptions(Options):
    """Which table, and how a member is found in it."""

    #: The environment variable with `postgresql://user:password@host/database`.
    url_env: str
    #: `schema.table`, or a table of the schema `public`.
    table: str
    #: The column of the customer's id.
    key_column: str = "customer_id"
    #: The column of the audience's name; empty if the table is of one audience only.
    audience_column: str = "audience"
    batch_rows: int = 1_000

    @property
    def name(self) -> tuple[str, str]:
        """Schema and table."""
        schema, _, table = self.table.rpartition(".")
        return schema or "public", table


class _TryAgain(Failed):
    def __init__(self, problem: str, *, is_doubtful: bool) -> None:
        super().__init__(problem, may_pass=True)
        self.is_doubtful = is_doubtful


class PostgresqlDestination(Destination[PostgresqlOptions]):
    """A table that holds the members of one audience or of several."""

    options_type = PostgresqlOptions
    _connection: _Connection | None = None

    @classmethod
    def capabilities(cls, options: PostgresqlOptions) -> Capabilities:
        """Every mode; a batch that is repeated changes nothing."""
        return Capabilities(
            in_doubt_by="state", modes=MODES, batch_rows=options.batch_rows
        )

    def fields(self) -> Mapping[str, Kind] | None:
        """The columns that can be written; None while there is no table."""

        def ask(connection: _Connection) -> dict[str, Kind]:
            found = connection.execute(
                "select column_name, data_type from information_schema.columns"
                " where table_schema = %s and table_name = %s"
                " and is_generated = 'NEVER'",
                self.options.name,
            )
            return {name: _KINDS.get(kind, "text") for name, kind in found}

        try:
            return self._in_transaction(ask) or None
        except InDoubt as error:
            raise NotSent(str(error)) from None

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Write the batch, all of it or nothing."""
        table = _Table(self.options, batch)
        return self._in_transaction(lambda connection: _write(connection, table, batch))

    def close(self) -> None:
        """End the connection."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _in_transaction(self, work: Callable[[_Connection], _Result]) -> _Result:
        """Do it, and again where the connection was lost: a repetition is harmless."""
        is_doubtful = False

        def once() -> _Result:
            nonlocal is_doubtful
            try:
                return self._once(work)
            except _TryAgain as again:
                is_doubtful |= again.is_doubtful
                raise

        try:
            return patiently(once, attempts=self.options.attempts)
        except (_TryAgain, NotSent) as problem:
            raise (InDoubt if is_doubtful else NotSent)(str(problem)) from None

    def _once(self, work: Callable[[_Connection], _Result]) -> _Result:
        is_committing = is_done = False
        try:
            connection = self._connection = self._connection or self._connect()
            # A moment without a zone is in UTC, whatever the server's own zone is.
            connection.execute(
                "select set_config('TimeZone', 'UTC', true),"
                " set_config('statement_timeout', %s, true)",
                [str(int(self.options.timeout_seconds * 1000))],
            )
            result = work(connection)
            is_committing = True
            connection.commit()
            is_done = True
        except psycopg.Error as error:
            raise self._meaning(error, is_committing=is_committing) from None
        finally:
            if not is_done:
                self.close()
        return result

    def _connect(self) -> _Connection:
        seconds = self.options.timeout_seconds
        try:
            return psycopg.connect(
                make_conninfo(
                    self.secrets.get("url_env", ""),
                    connect_timeout=max(2, int(seconds)),
                    tcp_user_timeout=int(seconds * 1000),
                    application_name="crm360",
                ),
                # Poolers between us and the server do not know prepared statements.
                prepare_threshold=None,
            )
        except psycopg.OperationalError as error:
            problem = (
                f"no connection ({str(error).splitlines()[0]}): see that address and"
                " credentials are right"
            )
            if error.pgconn is not None and error.pgconn.used_password:
                raise NotSent(problem) from None  # the server is there, and says no
            raise _TryAgain(problem, is_doubtful=False) from None
        except psycopg.ProgrammingError:
            # Its text quotes the address, which holds the password.
            raise NotSent(
                "the address is not of the form postgresql://user:password@host/database"
            ) from None

    def _meaning(self, error: psycopg.Error, *, is_committing: bool) -> Exception:
        code = error.sqlstate or ""
        if code.startswith(_OF_THE_ROWS):
            return BatchRefused(code)
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            is_undone = code.startswith("40") and code != "40003"
            return _TryAgain(
                f"SQLSTATE {code}" if code else "the connection was lost",
                is_doubtful=is_committing and not is_undone,
            )
        remedy = {
            "25006": ": it is read-only, name its primary",
            "42501": ": its user may not select, insert, update and delete there",
            "42703": ": a column is missing",
            "42P10": ": the unique constraint is missing",
        }.get(code, "")
        return NotSent(f"SQLSTATE {code} of {self.options.table}{remedy}")


def _write(connection: _Connection, table: "_Table", batch: Batch) -> Answers:
    there = connection.execute("select to_regclass(%s)", [table.name]).fetchone()
    if there == (None,):
        raise NotSent(f"the table is missing: {table.created(batch.rows)}")
    # Members whose nulls are not sent have fewer fields than others.
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in batch.rows:
        groups.setdefault(tuple(row.fields or ()), []).append(row)
    answers: Answers = {row.remote_key: ACKNOWLEDGED for row in batch.rows}
    for rows in groups.values():
        is_removal = rows[0].operation == "remove"
        if is_removal and batch.mode == "update":
            continue
        records = [table.record(row) for row in rows]
        statement = table.deletion() if is_removal else table.writing(records[0])
        found = connection.execute(statement, [json.dumps(records)])
        if batch.mode == "update":
            absent = {row.remote_key for row in rows} - {key for (key,) in found}
            answers |= {key: Answer(outcome="absent") for key in sorted(absent)}
    return answers


class _Table:
    """SQL over the table, as the mode of a batch wants it."""

    def __init__(self, options: PostgresqlOptions, batch: Batch) -> None:
        self.name = ".".join(map(quoted, options.name))
        self._table = ".".join(map(_column, options.name))
        self._sent = f"json_populate_recordset(null::{self._table}, %s::json) as sent"
        self._mode = batch.mode
        self._key = options.key_column
        self._audience = (
            {options.audience_column: batch.audience} if options.audience_column else {}
        )
        self._whose = [*self._audience, self._key]
        self._same = " and ".join(
            f"there.{each} = sent.{each}" for each in map(_column, self._whose)
        )
        self._unique = ["idempotency_key"] if batch.mode == "append" else self._whose

    def record(self, row: Row) -> dict[str, Any]:
        """A row as the table has it."""
        once = {"idempotency_key": row.idempotency_key}
        return {
            **(row.fields or {}),
            **self._audience,
            self._key: row.remote_key,
            **(once if self._mode == "append" else {}),
        }

    def deletion(self) -> str:
        """Delete everything of members."""
        return (
            f"delete from {self._table} as there using {self._sent} where {self._same}"
        )

    def writing(self, record: dict[str, Any]) -> str:
        """Insert or update members with the fields of this one, as the mode says."""
        columns = [_column(name) for name in record]
        if self._mode == "update":
            changes = ", ".join(f"{each} = sent.{each}" for each in columns)
            return (
                f"update {self._table} as there set {changes} from {self._sent}"
                f" where {self._same} returning sent.{_column(self._key)}::text"
            )
        conflict = ", ".join(f"{each} = excluded.{each}" for each in columns)
        is_once = self._mode in ("create", "append")
        return (
            f"insert into {self._table} ({', '.join(columns)})"
            f" select {', '.join(f'sent.{each}' for each in columns)}"
            f" from {self._sent}"
            f" on conflict ({', '.join(map(_column, self._unique))})"
            f" do {'nothing' if is_once else f'update set {conflict}'}"
        )

    def created(self, rows: Sequence[Row]) -> str:
        """Make a table that takes these rows."""
        types: dict[str, set[str]] = {name: {"text"} for name in self._whose}
        for row in rows:
            for name, value in self.record(row).items():
                types[name] = types.get(name, set()) | {_type(value)}
        columns = [
            f"{quoted(name)} {each.pop() if len(each) == 1 else 'text'}"
            for name, each in types.items()
        ]
        unique = ", ".join(map(quoted, self._unique))
        return f"create table {self.name} ({', '.join(columns)}, unique ({unique}))"


def _column(name: str) -> str:
    """A name in a statement that has parameters."""
    return quoted(name).replace("%", "%%")


def _type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "numeric" if isinstance(value, int | float) else "text"
