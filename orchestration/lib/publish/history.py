"""What was last published of periods that had ended, for the next run to compare to.

    kpi_history.metrics             definitions, and the day of the publication
    kpi_history.figures             figures of ended periods, a column per metric
    kpi_history.orders              what every order added to them
    kpi_history.restatements        every restatement so far, append-only
    kpi_history.restatement_orders  the orders behind them, append-only

Models read these and say what is restated; after a publication its figures take their
place, in one transaction. Who dies in between loses nothing: the next run compares to
what was remembered, and finds the same restatement under the same number.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.warehouse import literal, quoted

_TABLES = """
create schema if not exists kpi_history;
create table if not exists kpi_history.metrics (
    metric varchar not null,
    definition varchar not null,
    published_for date not null
);
create table if not exists kpi_history.figures (
    dimension varchar not null,
    member varchar not null,
    period_grain varchar not null,
    period_start date not null
);
create table if not exists kpi_history.orders (
    order_id varchar not null,
    source varchar not null,
    customer_id varchar,
    _file_id varchar not null,
    _line bigint not null,
    status varchar not null,
    currency varchar not null,
    offer varchar not null,
    country varchar not null,
    first_channel varchar not null,
    customer_order_number integer,
    gross_amount_base decimal(38, 6),
    net_amount_base decimal(38, 6),
    margin_amount_base decimal(38, 6),
    is_paid boolean not null,
    is_attributed boolean not null,
    ordered_on date not null
);
create table if not exists kpi_history.restatements (
    restatement_number bigint not null,
    metric varchar not null,
    dimension varchar not null,
    member varchar not null,
    period_grain varchar not null,
    period_start date not null,
    cause varchar not null,
    figure_before decimal(38, 6),
    figure_after decimal(38, 6),
    difference decimal(38, 6),
    difference_share decimal(18, 6),
    published_for date not null,
    restated_on date not null
);
create table if not exists kpi_history.restatement_orders (
    restatement_number bigint not null,
    order_id varchar not null,
    source varchar not null,
    customer_id varchar not null,
    _file_id varchar not null,
    _line bigint not null,
    version varchar not null,
    what_changed varchar not null,
    status varchar not null,
    currency varchar not null,
    offer varchar not null,
    country varchar not null,
    first_channel varchar not null,
    orders bigint not null,
    orders_with_revenue bigint not null,
    orders_without_margin bigint not null,
    unpaid_orders bigint not null,
    new_customers bigint not null,
    new_repeat_customers bigint not null,
    gross_revenue decimal(38, 6),
    net_revenue decimal(38, 6),
    net_revenue_unassigned decimal(38, 6),
    attributed_revenue decimal(38, 6),
    known_margin decimal(38, 6),
    attributed_known_margin decimal(38, 6),
    ordered_on date not null,
    restated_on date not null
);
"""
_LOGS = {
    "restatements": "kpi_restatements",
    "restatement_orders": "kpi_restatement_orders",
}
_FIRST_ORDERS = (
    """
    insert into kpi_history.orders by name
    select
        * exclude (
            paid_order_number, has_buyer, previous_ordered_on,
            previous_ordered_on_in_source, previous_ordered_on_with_code
        ),
        least(paid_order_number, 3) as customer_order_number
    from intermediate.int_order_facts
    """,
)
_CHANGED_ORDERS = (
    """
    delete from kpi_history.orders
    where order_id in (select order_id from intermediate.int_order_changes)
    """,
    """
    insert into kpi_history.orders by name
    select * exclude (version, what_changed, is_restating, earliest_on)
    from intermediate.int_order_changes
    where version = 'after'
    """,
)
_KEY = ("dimension", "member", "period_grain", "period_start")


def create_tables(
    connection: duckdb.DuckDBPyConnection, metrics: Sequence[str]
) -> None:
    """Create the tables, and columns of metrics that there were not before.

    Args:
        metrics: columns of `kpi_dimensions` that are remembered.
    """
    connection.execute(_TABLES)
    for metric in metrics:
        connection.execute(
            "alter table kpi_history.figures"
            f" add column if not exists {quoted(metric)} decimal(38, 6)"
        )


def remember(
    connection: duckdb.DuckDBPyConnection,
    marts: Path,
    *,
    metrics: Sequence[str],
    as_of: date,
) -> int:
    """Keep what a publication says of ended periods; returns its restated figures.

    A publication for an earlier day than the last one is not kept: it knows less. To
    remember the same publication again changes nothing.

    Args:
        connection: to the warehouse.
        marts: what was built with it, and published.
        metrics: as given to `create_tables`.
        as_of: the logical day that the marts were built for.
    """
    last = _value(connection, "select max(published_for) from kpi_history.metrics")
    if last is not None and as_of < last:
        return 0
    known = _value(
        connection,
        "select coalesce(max(restatement_number), 0) from kpi_history.restatements",
    )
    figures = ", ".join(quoted(metric) for metric in metrics)
    key = ", ".join(_KEY)
    connection.execute(f"attach {literal(str(marts))} as published (read_only)")
    connection.execute("begin")
    try:
        connection.execute("delete from kpi_history.metrics")
        connection.execute(
            "insert into kpi_history.metrics select metric, definition, ?"
            " from intermediate.int_metric_definitions",
            [as_of],
        )
        connection.execute("delete from kpi_history.figures")
        connection.execute(
            f"""
            insert into kpi_history.figures by name
            select {key}, {figures}
            from published.kpi_dimensions
            inner join intermediate.int_periods using (period_grain, period_start)
            where next_period_start <= ?
                -- Today's segments tell another past every day.
                and dimension <> 'segment'
            """,
            [as_of],
        )
        for statement in _FIRST_ORDERS if last is None else _CHANGED_ORDERS:
            connection.execute(statement)
        for table, mart in _LOGS.items():
            connection.execute(
                f"""
                insert into kpi_history.{table} by name
                select * from published.{mart} where restatement_number > ?
                """,
                [known],
            )
        connection.execute("commit")
    except BaseException:
        connection.execute("rollback")
        raise
    finally:
        connection.execute("detach published")
    restated: int = _value(
        connection,
        "select count(*) from kpi_history.restatements where restatement_number > ?",
        [known],
    )
    return restated


def carry_over(connection: duckdb.DuckDBPyConnection, old_file: Path) -> None:
    """Take what was published over from another warehouse file, if it has any."""
    connection.execute(f"attach {literal(str(old_file))} as old (read_only)")
    tables = connection.execute(
        "select table_name from duckdb_tables()"
        " where database_name = 'old' and schema_name = 'kpi_history'"
    ).fetchall()
    if tables:
        connection.execute("create schema if not exists kpi_history")
    for (table,) in tables:
        connection.execute(
            f"create table kpi_history.{table} as from old.kpi_history.{table}"
        )
    connection.execute("detach old")


def _value(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object] = (),
) -> Any:  # noqa: ANN401 - a cell of any type
    row = connection.execute(query, list(parameters)).fetchone()
    return row[0] if row else None
