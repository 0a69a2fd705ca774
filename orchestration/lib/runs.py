"""A run's parameters and stages, kept as data in `ops`.

    ops.runs    one row per run: its logical day and base currency
    ops.stages  one row per stage of the pipeline: how its last execution went

Whether anything may be sent is read from here, not from the orchestrator: a stage
that failed, was killed or was overtaken by a later one keeps the gate closed however
the next step was started.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from orchestration.lib.warehouse import connect

_TABLES = """
create schema if not exists ops;
create table if not exists ops.runs (
    run_id varchar primary key,
    as_of date not null,
    base_currency varchar not null,
    started_at timestamp not null
);
create table if not exists ops.stages (
    stage varchar primary key,
    run_id varchar not null,
    state varchar not null,
    detail varchar,
    place bigint not null,
    changed_at timestamp not null
);
"""
_LAST_RUN = """
select run_id, as_of, base_currency
from ops.runs
order by started_at desc, run_id desc
limit 1
"""


@dataclass(frozen=True, kw_only=True)
class RunParameters:
    """What every step of a run shares."""

    run_id: str
    #: The logical today: every window of every metric ends here.
    as_of: date
    #: ISO code of all converted amounts.
    base_currency: str
    #: Where deliveries lie.
    landing: Path


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of this module."""
    connection.execute(_TABLES)


def started_run(
    connection: duckdb.DuckDBPyConnection, run_id: str
) -> tuple[date, str] | None:
    """Logical day and base currency of a run that has begun, or None."""
    create_tables(connection)
    return connection.execute(
        "select as_of, base_currency from ops.runs where run_id = ?", [run_id]
    ).fetchone()


def start_run(connection: duckdb.DuckDBPyConnection, run: RunParameters) -> None:
    """Note that a run begins, and with which parameters."""
    connection.execute(
        "insert into ops.runs values (?, ?, ?, ?)",
        [run.run_id, run.as_of, run.base_currency, _now()],
    )


def last_run(connection: duckdb.DuckDBPyConnection) -> tuple[str, date, str] | None:
    """Id, logical day and base currency of the run that began last, or None."""
    create_tables(connection)
    return connection.execute(_LAST_RUN).fetchone()


def published_run(marts: duckdb.DuckDBPyConnection) -> tuple[date, str]:
    """Logical day and base currency of the run that made published marts."""
    row = marts.execute(_LAST_RUN).fetchone()
    assert row is not None, "what is published was made by a run"
    return row[1], row[2]


def day_of_stage(connection: duckdb.DuckDBPyConnection, name: str) -> date | None:
    """The logical day that a stage was last executed for, or None."""
    create_tables(connection)
    found = connection.execute(
        "select as_of from ops.stages inner join ops.runs using (run_id)"
        " where stage = ?",
        [name],
    ).fetchone()
    return found[0] if found else None


class Stage:
    """A stage in progress; call `fail` to end it failed without an exception."""

    def __init__(self) -> None:
        self.problem: str | None = None

    def fail(self, problem: str) -> None:
        """The stage ran to its end, but what it found must stop what follows."""
        self.problem = problem


@contextmanager
def stage(warehouse: Path, name: str, run_id: str) -> Iterator[Stage]:
    """Record a stage around its execution: running, then passed or failed.

    Opens the warehouse only to write the row, so that the body may hand it to
    another process. A killed body leaves the stage running, which is not passed.
    """
    _record(warehouse, name, run_id, "running", None)
    stage = Stage()
    try:
        yield stage
    except BaseException as error:
        # The type only: a message may quote a value of a delivered row.
        _record(warehouse, name, run_id, "failed", type(error).__name__)
        raise
    state = "failed" if stage.problem else "passed"
    _record(warehouse, name, run_id, state, stage.problem)


def _record(
    warehouse: Path, name: str, run_id: str, state: str, detail: str | None
) -> None:
    with connect(warehouse) as connection:
        create_tables(connection)
        connection.execute(
            """
            insert or replace into ops.stages
            select ?, ?, ?, ?, coalesce(max(place), 0) + 1, ?
            from ops.stages
            """,
            [name, run_id, state, detail, _now()],
        )


def open_problems(
    connection: duckdb.DuckDBPyConnection, required: Sequence[str], last: str
) -> list[str]:
    """Why nothing may be sent now; empty when everything may.

    Args:
        required: names of all stages that must have passed.
        last: the stage among them that must have passed after all others, because
            it made what is sent from what they made.
    """
    create_tables(connection)
    states = {
        name: (state, detail, place)
        for name, state, detail, place in connection.execute(
            "select stage, state, detail, place from ops.stages"
        ).fetchall()
    }
    problems = []
    for name in required:
        state, detail, place = states.get(name, ("never run", None, 0))
        if state != "passed":
            problems.append(f"{name}: {state}{f' ({detail})' if detail else ''}")
        elif place > states.get(last, ("", None, 0))[2]:
            problems.append(f"{name}: newer than {last}; run the rest of the pipeline")
    return problems


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
