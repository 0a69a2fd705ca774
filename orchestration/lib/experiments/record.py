"""Experiments in the run: declared before the build, recorded and judged after it.

    experiments.arms         (warehouse) declared experiments, one row per arm
    experiments.assignments  (warehouse) the record, with today's customer ids
    assignments              (a file of its own) the record: append-only, as assigned

The build reads the first two and adds newcomers; what it added is recorded before
anything is published or sent, so that nobody who was once told apart changes arms.
"""

import dataclasses
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.experiments.analysis import (
    Assigned,
    Plan,
    Result,
    analyse,
    expected_counts,
    read_cells,
)
from orchestration.lib.experiments.assignment import bounds
from orchestration.lib.experiments.declaration import (
    Experiment,
    allocation,
    parse_allocation,
)
from orchestration.lib.experiments.inference import Kind
from orchestration.lib.warehouse import literal, quoted

_WAREHOUSE_TABLES = """
create schema if not exists experiments;
create or replace table experiments.arms (
    experiment varchar not null,
    arm varchar not null,
    segment varchar not null,
    channel varchar,
    audience varchar,
    stratify_by varchar,
    salt varchar not null,
    allocation varchar not null,
    share_from double not null,
    share_to double not null,
    is_control boolean not null,
    starts_on date not null,
    ends_on date not null
);
create or replace table experiments.assignments (
    experiment varchar not null,
    assigned_customer_id varchar not null,
    customer_id varchar,
    arm varchar not null,
    stratum varchar not null,
    allocation varchar not null,
    assigned_on date not null
);
"""
_RECORD_TABLES = """
create table if not exists record.assignments (
    experiment varchar not null,
    customer_id varchar not null,
    arm varchar not null,
    stratum varchar not null,
    allocation varchar not null,
    assigned_on date not null,
    primary key (experiment, customer_id)
);
"""
_RECORDED = "experiment, assigned_customer_id, arm, stratum, allocation, assigned_on"


@dataclasses.dataclass(frozen=True)
class _Counts:
    """Who was assigned to an experiment, and who is left out."""

    assigned: list[Assigned]
    in_several_arms: int
    without_customer: int


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the warehouse's tables, empty."""
    connection.execute(_WAREHOUSE_TABLES)


def declare(
    connection: duckdb.DuckDBPyConnection,
    experiments: Sequence[Experiment],
    record: Path,
) -> None:
    """Put what is declared, and who was assigned before, where the build reads it.

    Args:
        connection: to the warehouse, in which `identity.aliases` is up to date.
        record: the file of the record; absent before anybody was assigned.
    """
    create_tables(connection)
    arms = [
        [
            each.name, arm.name, each.segment, each.channel, each.audience,
            each.stratify_by, each.salt, allocation(each.shares),
            *bounds(each.shares)[arm.name], arm.is_control, each.starts_on,
            each.ends_on,
        ]
        for each in experiments
        for arm in each.arms
    ]  # fmt: skip
    if arms:
        connection.executemany(
            f"insert into experiments.arms values ({', '.join('?' * len(arms[0]))})",
            arms,
        )
    if record.exists():
        connection.execute(f"attach {literal(str(record))} as record (read_only)")
        connection.execute(
            """
            insert into experiments.assignments
            select
                assignments.experiment,
                assignments.customer_id,
                aliases.current_customer_id,
                assignments.arm,
                assignments.stratum,
                assignments.allocation,
                assignments.assigned_on
            from record.assignments
            left join identity.aliases
                on aliases.customer_id = assignments.customer_id
            """
        )
        connection.execute("detach record")


def record_assignments(connection: duckdb.DuckDBPyConnection, record: Path) -> int:
    """Append newcomers to the record; returns how many. No row is ever changed.

    Args:
        connection: to the marts.
    """
    if not record.exists() and not _number(
        connection, "select count(*) from experiment_assignments"
    ):
        return 0
    connection.execute(f"attach {literal(str(record))} as record")
    connection.execute(_RECORD_TABLES)
    before = _number(connection, "select count(*) from record.assignments")
    connection.execute(
        f"""
        insert or ignore into record.assignments
        select {_RECORDED}
        from experiment_assignments
        order by experiment, assigned_customer_id
        """
    )
    after = _number(connection, "select count(*) from record.assignments")
    connection.execute("detach record")
    return after - before


def write_results(
    connection: duckdb.DuckDBPyConnection,
    experiments: Sequence[Experiment],
    as_of: date,
) -> int:
    """Fill `experiment_results`; returns the number of its rows.

    Args:
        connection: to the marts.
    """
    connection.execute("delete from experiment_results")
    rows = []
    for experiment in experiments:
        counts = _counts(connection, experiment, as_of)
        for metric in experiment.metrics if counts.assigned else ():
            for result in _results(connection, experiment, counts, metric, as_of):
                rows.append(_row(experiment, counts, result))
    if rows:
        names = ", ".join(quoted(name) for name in rows[0])
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(
            f"insert into experiment_results ({names}) values ({marks})",
            [list(row.values()) for row in rows],
        )
    return len(rows)


def _results(
    connection: duckdb.DuckDBPyConnection,
    experiment: Experiment,
    counts: _Counts,
    metric: str,
    as_of: date,
) -> list[Result]:
    relation = (
        "(select stratum, arm, metric_value as value, prior_value"
        f" from experiment_outcomes where experiment = {literal(experiment.name)}"
        f" and metric = {literal(metric)})"
    )
    kinds: list[tuple[Kind]] = connection.execute(
        "select any_value(kind) from experiment_outcomes where metric = ?", [metric]
    ).fetchall()
    is_deciding = metric == experiment.metrics[0]
    return analyse(
        read_cells(connection, relation),
        counts.assigned,
        Plan(
            control=experiment.control,
            metric=metric,
            kind=kinds[0][0] or "mean",
            alpha=experiment.alpha,
            power=experiment.power,
            planned_sample=experiment.planned_sample,
            planned_mde=experiment.planned_mde if is_deciding else None,
            starts_on=experiment.starts_on,
            min_days=experiment.min_days,
            as_of=as_of,
            expected_lift_abs=experiment.expected_lift_abs if is_deciding else None,
            expected_lift_rel=experiment.expected_lift_rel if is_deciding else None,
        ),
    )


def _row(experiment: Experiment, counts: _Counts, result: Result) -> dict[str, Any]:
    return {
        "experiment": experiment.name,
        "is_deciding": result.metric == experiment.metrics[0],
        "customers_in_several_arms": counts.in_several_arms,
        "ids_without_customer": counts.without_customer,
        **dataclasses.asdict(result),
    }


def _counts(
    connection: duckdb.DuckDBPyConnection, experiment: Experiment, as_of: date
) -> _Counts:
    counts: dict[str, dict[str, int]] = {}
    for shares, arm, count in connection.execute(
        """
        select allocation, arm, count(*)
        from experiment_assignments
        where experiment = ? and assigned_on <= ?
        group by allocation, arm
        order by allocation, arm
        """,
        [experiment.name, as_of],
    ).fetchall():
        counts.setdefault(shares, {})[arm] = count
    left_out = connection.execute(
        """
        select
            count(distinct case
                when left_out_because = 'in_several_arms' then customer_id
            end),
            count(*) filter (left_out_because = 'no_customer_now')
        from experiment_assignments
        where experiment = ? and assigned_on <= ?
        """,
        [experiment.name, as_of],
    ).fetchone() or (0, 0)
    shares = {text: parse_allocation(text) for text in counts}
    return _Counts(expected_counts(counts, shares), *left_out)


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
