"""`quality.expectation_results` and `quality.test_results`: what every check found."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb

_TABLES = """
create schema if not exists quality;
create table if not exists quality.expectation_results (
    run_id varchar not null,
    source varchar not null,
    export varchar not null,
    check_name varchar not null,
    expectation varchar not null,
    column_name varchar,
    severity varchar not null,
    success boolean not null,
    evaluated bigint not null,
    unexpected bigint not null,
    checked_at timestamp not null,
    inputs_version varchar not null
);
create table if not exists quality.test_results (
    run_id varchar not null,
    node varchar not null,
    kind varchar not null,
    status varchar not null,
    failures bigint,
    checked_at timestamp not null
);
"""


@dataclass(frozen=True, kw_only=True)
class ExpectationResult:
    """One expectation of a suite, evaluated over a whole export."""

    check_name: str
    expectation: str
    column_name: str | None
    #: `critical` or `warning`.
    severity: str
    success: bool
    #: Rows looked at, and rows that broke the expectation.
    evaluated: int
    unexpected: int


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of this module."""
    connection.execute(_TABLES)


def known_results(
    connection: duckdb.DuckDBPyConnection, source: str, export: str, inputs_version: str
) -> list[ExpectationResult]:
    """Results of the same suite over the same files, if there are any.

    Nothing about an unchanged table under an unchanged suite can have changed.
    """
    rows = connection.execute(
        """
        select distinct
            check_name, expectation, column_name, severity, success, evaluated,
            unexpected
        from quality.expectation_results
        where source = ? and export = ? and inputs_version = ?
        order by check_name
        """,
        [source, export, inputs_version],
    ).fetchall()
    names = ExpectationResult.__dataclass_fields__
    return [ExpectationResult(**dict(zip(names, row, strict=True))) for row in rows]


def record_results(
    connection: duckdb.DuckDBPyConnection,
    results: Iterable[ExpectationResult],
    *,
    run_id: str,
    source: str,
    export: str,
    inputs_version: str,
) -> None:
    """Append the results of a suite for this run."""
    now = datetime.now(UTC).replace(tzinfo=None)
    for result in results:
        connection.execute(
            "insert into quality.expectation_results values"
            " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                run_id,
                source,
                export,
                result.check_name,
                result.expectation,
                result.column_name,
                result.severity,
                result.success,
                result.evaluated,
                result.unexpected,
                now,
                inputs_version,
            ],
        )


@dataclass(frozen=True)
class NodeResult:
    """What dbt says of one model, seed or test."""

    unique_id: str
    status: str
    failures: int | None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.unique_id.split(".")[2]


def record_tests(
    connection: duckdb.DuckDBPyConnection, run_id: str, results: Sequence[NodeResult]
) -> None:
    """Append dbt's results."""
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        [
            run_id,
            result.name,
            result.unique_id.split(".")[0],
            result.status,
            result.failures,
            now,
        ]
        for result in results
    ]
    if rows:
        connection.executemany(
            "insert into quality.test_results values (?, ?, ?, ?, ?, ?)", rows
        )
