"""What was fetched from where, and up to which row: `places.duckdb`.

    files    one row per file that a fetch brought, in order
    cursors  one row per table or resource that is fetched by increments

Losing it costs a second fetch of everything; what has landed is told by its content.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

_TABLES = """
create table if not exists files (
    number bigint primary key,
    place varchar not null,
    key varchar not null,
    version varchar,
    sha256 varchar not null,
    name varchar not null unique,
    bytes bigint not null,
    is_delivered boolean not null
);
create table if not exists cursors (
    place varchar not null,
    resource varchar not null,
    value varchar,
    seen varchar[] not null,
    primary key (place, resource)
);
"""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """One file that was brought."""

    key: str
    #: As the place had it; None for rows, which have none.
    version: str | None
    sha256: str
    #: Path below the landing folder.
    name: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Mark:
    """How far the rows of a resource were fetched."""

    #: The latest cursor, or None before the first row that had one.
    value: str | None = None
    #: Digests of rows at that cursor or without one, which are shown again.
    seen: Sequence[str] = ()


class Memory:
    """What is known of one place."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, place: str) -> None:
        self._connection, self._place = connection, place
        connection.execute(_TABLES)

    def last(self) -> dict[str, Fetched]:
        """The newest file of each key."""
        return {
            key: Fetched(
                key=key, version=version, sha256=sha256, name=name, size=size
            )
            for key, version, sha256, name, size in self._connection.execute(
                """
                select key, version, sha256, name, bytes
                from files
                where place = ?
                order by number
                """,
                [self._place],
            ).fetchall()
        }  # fmt: skip

    def is_taken(self, name: str) -> bool:
        """Whether a file of any place was brought under this name."""
        found = self._connection.execute(
            "select 1 from files where name = ?", [name]
        ).fetchone()
        return found is not None

    def mark(self, resource: str) -> Mark:
        """How far a resource was fetched."""
        found = self._connection.execute(
            "select value, seen from cursors where place = ? and resource = ?",
            [self._place, resource],
        ).fetchone()
        return Mark(value=found[0], seen=found[1]) if found else Mark()

    def promise(self, file: Fetched, mark: Mark | None) -> None:
        """Note a file that is on disk whole, and is about to get its name.

        Args:
            mark: how far the rows of its resource are fetched with it.
        """
        self._connection.execute("begin")
        self._connection.execute(
            """
            insert into files
            select coalesce(max(number), 0) + 1, ?, ?, ?, ?, ?, ?, false from files
            """,
            [self._place, file.key, file.version, file.sha256, file.name, file.size],
        )
        if mark is not None:
            self._connection.execute(
                "insert or replace into cursors values (?, ?, ?, ?)",
                [self._place, file.key, mark.value, list(mark.seen)],
            )
        self._connection.execute("commit")

    def promised(self) -> list[tuple[str, str]]:
        """Key and name of files that may not have got their names."""
        return self._connection.execute(
            "select key, name from files where place = ? and not is_delivered",
            [self._place],
        ).fetchall()

    def keep(self, name: str) -> None:
        """Note that a promised file has its name."""
        self._connection.execute(
            "update files set is_delivered = true where name = ?", [name]
        )

    def forget(self, key: str, name: str) -> None:
        """Drop a promise that nothing came of; rows are fetched from their start."""
        self._connection.execute("delete from files where name = ?", [name])
        self._connection.execute(
            "delete from cursors where place = ? and resource = ?", [self._place, key]
        )

    def note_version(self, name: str, version: str | None) -> None:
        """Note that the content of a file is in the place under a new version."""
        self._connection.execute(
            "update files set version = ? where name = ?", [version, name]
        )
