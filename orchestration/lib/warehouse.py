"""Opening the project's DuckDB files, and tables in files of other kinds.

One place for session settings and errors.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

#: Kinds of files that `read_table` and `write_table` know.
TABLE_SUFFIXES = (".csv", ".parquet", ".pq")


class WarehouseBusy(RuntimeError):
    """Another process holds the file; DuckDB admits one writer and no reader beside."""


class WarehouseUnreadable(RuntimeError):
    """The file exists but is not a readable DuckDB database."""


class TableUnreadable(ValueError):
    """A file of somebody's that is neither CSV with a header nor Parquet."""


@contextmanager
def connect(
    path: Path, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to the database file at `path` and close it afterwards.

    Sessions run in UTC and keep no state between calls: an open handle, even a
    reading one, would lock out the dbt process that writes next.

    Raises:
        WarehouseBusy: another process has the file open.
        WarehouseUnreadable: the file is damaged or no DuckDB file.
        FileNotFoundError: `read_only` and the file does not exist.
    """
    if read_only and not path.exists():
        raise FileNotFoundError(f"{path} does not exist yet: run `crm360 run` first.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _clear_errors(path):
        connection = duckdb.connect(str(path), read_only=read_only)
    try:
        _prepare_session(connection)
        yield connection
    finally:
        connection.close()


@contextmanager
def connect_beside(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an empty database in memory, with the file as its catalog `warehouse`.

    For work with tables of its own beside those of the file, which is only read.

    Raises: as `connect` with `read_only`.
    """
    with connect(path, read_only=True):
        pass
    with duckdb.connect() as connection:
        _prepare_session(connection)
        with _clear_errors(path):
            connection.execute(f"attach {literal(str(path))} as warehouse (read_only)")
        yield connection


def _prepare_session(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set TimeZone = 'UTC'")
    connection.execute("set enable_progress_bar = false")


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """What DuckDB says when it opens a file, as errors that name the remedy."""
    try:
        yield
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise WarehouseBusy(
                f"{path} is in use by another process. Wait for its run to end, or"
                " read the published copy under published/current instead."
            ) from error
        raise WarehouseUnreadable(_damaged(path, error)) from error
    except (duckdb.InternalException, duckdb.SerializationException) as error:
        raise WarehouseUnreadable(_damaged(path, error)) from error


def _damaged(path: Path, error: Exception) -> str:
    first_line = str(error).splitlines()[0]
    return f"{path} cannot be opened as a DuckDB database ({first_line})."


def as_dicts(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """All rows of a query that was executed, by the names of its columns."""
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def is_parquet(file: Path) -> bool:
    """By the name, which is all that a file to be written has."""
    return file.suffix.lower() in TABLE_SUFFIXES[1:]


def read_table(connection: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    """Write the temporary table `delivered`: a file's rows, as text where it is CSV.

    Rows are numbered in the column `_row_number`, from 1, in the order of the file.

    Returns:
        The names of the file's columns, as they are spelt in it.

    Raises:
        TableUnreadable: naming the file.
    """
    path = literal(str(file))
    reader = (
        f"read_parquet({path})"
        if is_parquet(file)
        else f"read_csv({path}, all_varchar = true, header = true)"
    )
    try:
        connection.execute(
            "create or replace temp table delivered as"
            f" select row_number() over () as _row_number, * from {reader}"
        )
    except duckdb.Error as error:
        raise TableUnreadable(
            f"{file} cannot be read as CSV with a header (UTF-8) or as Parquet"
            f" ({str(error).splitlines()[0]})"
        ) from error
    found = connection.execute("select * from delivered limit 0").description or []
    return [column[0] for column in found[1:]]


def write_table(connection: duckdb.DuckDBPyConnection, query: str, out: Path) -> None:
    """Write what a query gives, as Parquet or CSV by the name of the file."""
    file_format = (
        "format parquet, compression zstd"
        if is_parquet(out)
        else "format csv, header true"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({query}) to {literal(str(out))} ({file_format})")


def quoted(identifier: str) -> str:
    """An SQL identifier in double quotes, inner quotes doubled."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """An SQL text literal; for paths and constants of ours, never for data."""
    return "'" + text.replace("'", "''") + "'"
