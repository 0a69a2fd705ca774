"""Tables of a database, through SQLAlchemy: every value as the text it has there.

The database itself turns values into text. On the way through a driver's types an
interval of a month becomes 30 days, `infinity` an error, a number in JSON a float.
"""

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import exc

from orchestration.lib.places.remote import (
    FileRefused,
    PlaceUnreachable,
    Resource,
    Row,
)

_ROWS_PER_FETCH = 10_000
#: Text of dates, moments, bytes and numbers that no setting of a server changes.
_POSTGRESQL_TEXTS = """
set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set intervalstyle = 'postgres';
set bytea_output = 'hex'; set extra_float_digits = 1; set xmloption = 'content'
"""


@dataclass(frozen=True, kw_only=True)
class SqlTable:
    """A table or view to fetch."""

    name: str
    schema: str | None
    #: Column that grows with every new or changed row; None for the whole table.
    cursor: str | None


class SqlTables:
    """Tables of one database.

    Args:
        url: as SQLAlchemy takes it, `postgresql://user:password@host/database`.
    """

    def __init__(
        self, url: str, tables: Sequence[SqlTable], *, timeout_seconds: float
    ) -> None:
        self._tables = {table.name: table for table in tables}
        try:
            address = sa.make_url(url)
            is_postgresql = address.get_backend_name() == "postgresql"
            self._engine = sa.create_engine(
                address,
                connect_args=(
                    {"connect_timeout": int(timeout_seconds)} if is_postgresql else {}
                ),
            )
        except (exc.ArgumentError, ModuleNotFoundError) as error:
            # The error may quote the address, which holds the password.
            raise PlaceUnreachable(
                "the address of the database is none that SQLAlchemy can open"
                f" ({type(error).__name__}): postgresql://user:password@host/database"
            ) from None
        if is_postgresql:
            sa.event.listen(self._engine, "connect", _fix_texts)

    def resources(self) -> Sequence[Resource]:
        """The configured tables."""
        return [
            Resource(table.name, table.cursor is not None)
            for table in self._tables.values()
        ]

    def rows(self, resource: str, since: str | None) -> Iterator[Row]:
        """The rows of a table, in order of cursor and key; rows without a cursor too.

        A table without a key is ordered by all its columns, so that unchanged
        content makes an unchanged file.
        """
        wanted = self._tables[resource]
        try:
            with self._engine.connect() as connection:
                table = _reflected(connection, wanted)
                columns = list(table.columns)
                texts = [sa.cast(each, sa.Text).label(each.name) for each in columns]
                cursor = _cursor_column(table, wanted)
                query = sa.select(*texts).order_by(
                    *([] if cursor is None else [cursor]),
                    *(list(table.primary_key) or texts),
                )
                if cursor is not None and since is not None:
                    query = query.where(
                        (cursor >= sa.cast(since, cursor.type)) | cursor.is_(None)
                    )
                names = [each.name for each in columns]
                at = None if cursor is None else names.index(cursor.name)
                for values in connection.execution_options(
                    stream_results=True, yield_per=_ROWS_PER_FETCH
                ).execute(query):
                    text = json.dumps(
                        dict(zip(names, values, strict=True)), ensure_ascii=False
                    )
                    yield Row(text, None if at is None else values[at])
        except exc.OperationalError as error:
            raise PlaceUnreachable(_told(error), may_pass=True) from None
        except exc.SQLAlchemyError as error:
            raise FileRefused(_told(error)) from None

    def is_after(self, cursor: str, other: str) -> bool:
        """Whether it is another one: rows come in order."""
        return cursor != other

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


def _fix_texts(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute(_POSTGRESQL_TEXTS)
    cursor.close()
    connection.commit()


def _reflected(connection: sa.Connection, wanted: SqlTable) -> sa.Table:
    with warnings.catch_warnings():
        # Types that SQLAlchemy does not know become text like all others.
        warnings.simplefilter("ignore", exc.SAWarning)
        return sa.Table(
            wanted.name,
            sa.MetaData(),
            schema=wanted.schema,
            autoload_with=connection,
            resolve_fks=False,
        )


def _cursor_column(table: sa.Table, wanted: SqlTable) -> sa.Column[object] | None:
    if wanted.cursor is None:
        return None
    if wanted.cursor not in table.columns:
        raise FileRefused(
            f"there is no column {wanted.cursor} to go on from; there are"
            f" {', '.join(table.columns.keys())}"
        )
    return table.columns[wanted.cursor]


def _told(error: exc.SQLAlchemyError) -> str:
    """The first line of what the database said, without statement and parameters."""
    if isinstance(error, exc.NoSuchTableError):
        return "there is no table or view of this name: see name, schema and rights"
    original = error.orig if isinstance(error, exc.DBAPIError) else error
    return (str(original).splitlines() or [type(error).__name__])[0]
