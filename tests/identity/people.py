"""People of few words, for tests."""

from collections.abc import Iterable, Mapping

import duckdb
import pyarrow as pa

from orchestration.lib.identity.features import COLUMNS

Person = Mapping[str, str | None]


def connection_with(people: Iterable[Person]) -> duckdb.DuckDBPyConnection:
    """A database whose table `people` has the records 1, 2, 3, ... in this order."""
    return connection_with_numbered(list(enumerate(people, start=1)))


def connection_with_numbered(
    people: list[tuple[int, Person]],
) -> duckdb.DuckDBPyConnection:
    """The same with numbers of records given."""
    connection = duckdb.connect()
    add_people(connection, people)
    return connection


def add_people(
    connection: duckdb.DuckDBPyConnection, people: Iterable[tuple[int, Person]]
) -> None:
    """Write the table `people`."""
    numbered = list(people)
    columns = {"record": pa.array([number for number, _ in numbered], pa.int64())}
    for column in COLUMNS:
        columns[column] = pa.array(
            [person.get(column) for _, person in numbered], pa.string()
        )
    connection.register("given", pa.table(columns))
    connection.execute("create table people as from given")
    connection.unregister("given")


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[object, ...]]:
    """All rows of a query."""
    return connection.execute(query).fetchall()
