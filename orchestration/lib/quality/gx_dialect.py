"""DuckDB for Great Expectations: a small SQLAlchemy dialect, `crm360duck://`.

Great Expectations knows no DuckDB and the published dialect does not work with it:
it fetches rows after the connection went back to the pool. Here a cursor keeps its
rows, connections are never pooled (an idle one would lock the file against dbt), and
the dialect passes for PostgreSQL, whose SQL the push-down speaks, except that `~`
becomes `regexp_matches`, a partial match in every DuckDB version.
"""

import re
from types import SimpleNamespace
from typing import Any

import duckdb
import sqlalchemy as sa
from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGDialect

SCHEME = "crm360duck"
#: Great Expectations asks for counts. The one query that gives rows, of which there may
#: be millions, it asks for the names of its columns alone.
MAX_ROWS = 1_000


class _Cursor:
    """A DB-API cursor whose rows, at most `MAX_ROWS`, outlive the connection."""

    arraysize = 1
    lastrowid = None
    rowcount = -1

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.description: Any = None
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self._is_whole = True

    def execute(self, statement: str, parameters: Any = None) -> "_Cursor":
        self._connection.execute(statement, list(parameters) if parameters else None)
        self.description = self._connection.description
        rows = self._connection.fetchmany(MAX_ROWS + 1) if self.description else []
        self._rows, self._is_whole = rows[:MAX_ROWS], len(rows) <= MAX_ROWS
        return self

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(iter(self.fetchmany(1)), None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        count = size or self.arraysize
        if count > len(self._rows) and not self._is_whole:
            raise duckdb.NotSupportedError(f"only {MAX_ROWS} rows of a query are kept")
        head, self._rows = self._rows[:count], self._rows[count:]
        return head

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(MAX_ROWS + 1)

    def close(self) -> None:
        self._rows = []


class _Connection:
    """A DB-API connection; DuckDB commits each statement by itself."""

    notices: tuple[str, ...] = ()

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection)

    def commit(self) -> None:
        """Nothing is pending."""

    def rollback(self) -> None:
        """Nothing is pending."""

    def close(self) -> None:
        self._connection.close()


def _connect(database: str, read_only: str = "false") -> _Connection:
    connection = duckdb.connect(database, read_only=read_only == "true")
    connection.execute("set TimeZone = 'UTC'")
    return _Connection(connection)


_DB_API = SimpleNamespace(
    apilevel="2.0",
    threadsafety=1,
    paramstyle="numeric_dollar",
    version=duckdb.__version__,
    connect=_connect,
    **{
        name: getattr(duckdb, name, duckdb.Error)
        for name in (
            "Error", "Warning", "InterfaceError", "DatabaseError", "DataError",
            "OperationalError", "IntegrityError", "InternalError", "ProgrammingError",
            "NotSupportedError",
        )
    },
)  # fmt: skip


class _Compiler(PGCompiler):
    def visit_custom_op_binary(self, element: Any, operator: Any, **kw: Any) -> str:
        if operator.opstring not in ("~", "!~"):
            return super().visit_custom_op_binary(element, operator, **kw)
        left, right = (
            self.process(side, **kw) for side in (element.left, element.right)
        )
        negation = "not " if operator.opstring == "!~" else ""
        return f"{negation}regexp_matches({left}, {right})"

    def render_bind_cast(self, type_: Any, dbapi_type: Any, sqltext: str) -> str:
        return sqltext


_TYPES: dict[str, type[sa.types.TypeEngine[Any]]] = {
    "BIGINT": sa.BigInteger,
    "INTEGER": sa.Integer,
    "DOUBLE": sa.Float,
    "BOOLEAN": sa.Boolean,
    "DATE": sa.Date,
    "TIMESTAMP": sa.DateTime,
}


class DuckDBDialect(PGDialect):
    """Just enough reflection for Great Expectations' table assets."""

    name = "postgresql"
    driver = SCHEME
    statement_compiler = _Compiler
    default_paramstyle = "numeric_dollar"
    supports_statement_cache = True
    supports_native_enum = False

    @classmethod
    def import_dbapi(cls) -> Any:
        return _DB_API

    @classmethod
    def get_pool_class(cls, url: sa.URL) -> type[pool.Pool]:
        return pool.NullPool

    def create_connect_args(self, url: sa.URL) -> Any:
        return [], {"database": url.database, **url.query}

    def initialize(self, connection: sa.Connection) -> None:
        self.server_version_info = (16, 0)
        self.default_schema_name = "main"

    def on_connect(self) -> None:
        return None

    def do_ping(self, dbapi_connection: Any) -> bool:
        dbapi_connection.cursor().execute("select 1")
        return True

    def get_schema_names(self, connection: sa.Connection, **kw: Any) -> list[str]:
        return _column(connection, "select distinct schema_name from duckdb_schemas()")

    def get_table_names(
        self,
        connection: sa.Connection,
        schema: str | None = None,
        **kw: Any,
    ) -> list[str]:
        statement = (
            "select table_name from information_schema.tables where table_schema = $1"
        )
        return _column(connection, statement, schema or "main")

    def get_view_names(
        self,
        connection: sa.Connection,
        schema: str | None = None,
        **kw: Any,
    ) -> list[str]:
        return []

    def has_table(
        self,
        connection: sa.Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> bool:
        return table_name in self.get_table_names(connection, schema)

    def get_columns(
        self,
        connection: sa.Connection,
        table_name: str,
        schema: str | None = None,
        **kw: Any,
    ) -> Any:
        rows = connection.exec_driver_sql(
            "select column_name, data_type from information_schema.columns"
            " where table_name = $1 and table_schema = $2 order by ordinal_position",
            (table_name, schema or "main"),
        ).fetchall()
        return [
            {
                "name": name,
                "type": _TYPES.get(re.sub(r"\(.*", "", type_name), sa.String)(),
                "nullable": True,
                "default": None,
            }
            for name, type_name in rows
        ]

    def get_multi_columns(
        self,
        connection: sa.Connection,
        *,
        schema: str | None = None,
        filter_names: Any = None,
        **kw: Any,
    ) -> Any:
        names = filter_names or self.get_table_names(connection, schema)
        return (
            ((schema, name), self.get_columns(connection, name, schema))
            for name in names
        )

    def get_pk_constraint(self, *args: Any, **kw: Any) -> Any:
        return {"constrained_columns": [], "name": None}

    def get_foreign_keys(self, *args: Any, **kw: Any) -> Any:
        return []

    get_indexes = get_unique_constraints = get_check_constraints = get_foreign_keys


def _column(connection: sa.Connection, statement: str, *parameters: str) -> list[str]:
    rows = connection.exec_driver_sql(statement, tuple(parameters)).fetchall()
    return [row[0] for row in rows]


def register() -> None:
    """Make `crm360duck://` known to SQLAlchemy."""
    registry.register(SCHEME, __name__, "DuckDBDialect")
