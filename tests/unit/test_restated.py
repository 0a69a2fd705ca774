"""Which orders a restatement of a figure went through."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from orchestration.lib.report.restated import Restated, restatements

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
#: Version, day, customer, country, orders, new customers and net revenue of an order.
ORDERS = {
    "refunded": [
        ("before", "2026-10-05", "anna", "Россия", 1, 0, 90),
        ("after", "2026-10-05", "anna", "Россия", 1, 0, 20),
    ],
    "late": [("after", "2026-09-30", "boris", "Россия", 1, 1, 50)],
    "merged": [
        ("before", "2026-10-06", "clara", "Georgia", 1, 1, 10),
        ("after", "2026-10-06", "anna", "Россия", 1, 0, 10),
    ],
    "moved": [
        ("before", "2026-10-31", "anna", "Россия", 1, 0, 7),
        ("after", "2026-11-01", "anna", "Россия", 1, 0, 7),
    ],
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A warehouse and marts in which three orders changed, and one came."""
    with duckdb.connect() as connection:
        connection.execute(
            """
            attach ':memory:' as marts;
            create schema ops;
            create table ops.file_ledger (file_id varchar, file_name varchar);
            insert into ops.file_ledger values ('f', 'shop/orders.csv');
            create table marts.orders (order_id varchar, order_number varchar);
            insert into marts.orders values ('late', '#7');
            create table marts.kpi_restatements (
                restatement_number bigint, metric varchar, dimension varchar,
                member varchar, period_grain varchar, period_start date,
                cause varchar, figure_before decimal(38, 6),
                figure_after decimal(38, 6), difference decimal(38, 6),
                published_for date, restated_on date
            );
            create table marts.kpi_restatement_orders (
                restatement_number bigint, order_id varchar, version varchar,
                ordered_on date, customer_id varchar, country varchar,
                orders bigint, new_customers bigint, net_revenue decimal(38, 6),
                what_changed varchar default 'amount', _file_id varchar default 'f',
                _line bigint default 2, orders_with_revenue bigint default 1,
                orders_without_margin bigint default 0,
                unpaid_orders bigint default 0,
                new_repeat_customers bigint default 0,
                gross_revenue decimal(38, 6) default 0,
                net_revenue_unassigned decimal(38, 6) default 0,
                attributed_revenue decimal(38, 6) default 0,
                known_margin decimal(38, 6) default 0,
                attributed_known_margin decimal(38, 6) default 0
            );
            """
        )
        connection.executemany(
            "insert into marts.kpi_restatement_orders (restatement_number, order_id,"
            " version, ordered_on, customer_id, country, orders, new_customers,"
            " net_revenue) values (2, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                [order_id, *version]
                for order_id, versions in ORDERS.items()
                for version in versions
            ],
        )
        yield connection


def restated(
    connection: duckdb.DuckDBPyConnection,
    *expressions: str | None,
    country: str | None = None,
    limit: int | None = None,
) -> Restated:
    """The one restatement of a metric of October that is made so."""
    figure = ("country", country) if country else ("company", "company")
    connection.execute(
        "insert into marts.kpi_restatements values (2, 'it', ?, ?, 'month', ?, 'data',"
        " 2, 1, -1, '2026-11-01', '2026-11-02')",
        [*figure, OCTOBER],
    )
    (found,) = restatements(
        connection, "it", expressions, (*figure, "month", OCTOBER), NOVEMBER, limit
    )
    return found


def names(found: Restated) -> list[Any]:
    return [order.what for order in found.orders]


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        (("net_revenue", "orders_with_revenue"), ["refunded", "moved"]),
        (("orders",), ["moved"]),
        (("new_customers",), ["merged"]),
        (("net_revenue", "buyers"), ["refunded", "moved", "merged"]),
        (("customers_to_date",), ["#7", "merged"]),
        (("revenue_to_date", None), ["refunded", "#7", "moved"]),
        (("active_customers",), ["#7", "moved", "merged"]),
        (("cost",), []),
    ],
)
def test_orders_are_named_that_add_something_else_to_the_figure(
    connection: duckdb.DuckDBPyConnection,
    expressions: tuple[str | None, ...],
    expected: list[str],
) -> None:
    found = restated(connection, *expressions)

    assert names(found) == expected
    assert found.order_count == len(expected)


def test_an_order_that_changes_its_country_counts_in_both(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = restated(connection, "orders", country="Georgia")

    (order,) = found.orders
    assert order.what == "merged"
    assert (order.revenue_before, order.revenue_after) == (10, None)


def test_an_order_that_left_the_period_is_shown_where_it_is_told_today(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    connection.execute(
        "update marts.kpi_restatement_orders set _line = 9 where version = 'after'"
    )

    (order,) = restated(connection, "orders").orders

    assert (order.happened_on, order.line) == ("2026-10-31", 9)
    assert (order.revenue_before, order.revenue_after) == (7, None)


def test_a_difference_of_metrics_may_be_of_any_order(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    assert restated(connection, None, None).order_count == len(ORDERS)


def test_the_weightiest_orders_come_first_and_the_others_are_counted(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    found = restated(connection, "revenue_to_date", limit=1)

    (order,) = found.orders
    assert (order.what, order.file_name, order.line) == (
        "refunded", "shop/orders.csv", 2
    )  # fmt: skip
    assert (order.revenue_before, order.revenue_after) == (90, 20)
    assert found.order_count == 3
    assert (found.before, found.after, found.difference) == (2, 1, -1)
