"""What was published is remembered for the next run to compare with."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.publish import history
from orchestration.lib.warehouse import connect

METRICS = ["orders", "net_revenue"]
DAY = date(2026, 11, 10)


class Built:
    """A warehouse and marts as a run leaves them, with little in them."""

    def __init__(self, home: Path) -> None:
        self.marts = home / "marts.duckdb"
        with connect(self.marts) as connection:
            connection.execute(
                """
                create table kpi_dimensions (
                    dimension varchar, member varchar, period_grain varchar,
                    period_start date, orders bigint, net_revenue decimal(18, 2),
                    churn_rate decimal(18, 6)
                );
                insert into kpi_dimensions values
                    ('company', 'company', 'month', '2026-10-01', 3, 30.5, 0.1),
                    ('company', 'company', 'month', '2026-11-01', 1, 10, 0.1),
                    ('segment', 'new', 'month', '2026-10-01', 3, 30.5, 0.1);
                """
            )
        self.warehouse = duckdb.connect(str(home / "warehouse.duckdb"))
        history.create_tables(self.warehouse, METRICS)
        self.warehouse.execute(
            """
            create schema intermediate;
            create table intermediate.int_periods as
            select * from (values
                ('month', date '2026-10-01', date '2026-11-01'),
                ('month', date '2026-11-01', date '2026-12-01')
            ) as periods (period_grain, period_start, next_period_start);
            create table intermediate.int_metric_definitions as
            select * from (values ('orders', 'paid'), ('net_revenue', 'in RUB'))
                as metrics (metric, definition);
            create table intermediate.int_order_changes as
            select *, '' as version, '' as what_changed, true as is_restating,
                date '2026-10-01' as earliest_on
            from kpi_history.orders;
            create table intermediate.int_order_facts as
            select * exclude (customer_order_number),
                4 as paid_order_number, true as has_buyer,
                ordered_on as previous_ordered_on,
                ordered_on as previous_ordered_on_in_source,
                ordered_on as previous_ordered_on_with_code
            from kpi_history.orders;
            """
        )
        for table in ("restatements", "restatement_orders"):
            columns = ", ".join(
                f"{name} {kind}"
                for name, kind in self.rows(
                    "select column_name, data_type from duckdb_columns()"
                    " where schema_name = 'kpi_history' and table_name = ?",
                    table,
                )
            )
            with connect(self.marts) as connection:
                connection.execute(f"create table kpi_{table} ({columns})")

    def rows(self, query: str, *parameters: object) -> list[Any]:
        return self.warehouse.execute(query, parameters).fetchall()

    def change(self, order_id: str, version: str, status: str = "paid") -> None:
        """An order that is not what it was."""
        self.warehouse.execute(
            """
            insert into intermediate.int_order_changes by name
            select ? as order_id, 'shopify' as source, 'f' as _file_id, 1 as _line,
                ? as status, 'RUB' as currency, 'none' as offer, 'unknown' as country,
                'direct' as first_channel, true as is_paid, false as is_attributed,
                date '2026-10-05' as ordered_on, ? as version
            """,
            [order_id, status, version],
        )

    def tell(self, order_id: str) -> None:
        """An order as it is today."""
        self.warehouse.execute(
            """
            insert into intermediate.int_order_facts by name
            select ? as order_id, 'shopify' as source, 'f' as _file_id, 1 as _line,
                'paid' as status, 'RUB' as currency, 'none' as offer,
                'unknown' as country, 'direct' as first_channel, true as is_paid,
                false as is_attributed, date '2026-10-05' as ordered_on,
                4 as paid_order_number
            """,
            [order_id],
        )

    def restate(self, number: int) -> None:
        """A figure that the marts say was restated."""
        with connect(self.marts) as connection:
            connection.execute(
                "insert into kpi_restatements values (?, 'orders', 'company',"
                " 'company', 'month', '2026-10-01', 'data', 2, 3, 1, 0.5,"
                " '2026-11-01', '2026-11-10')",
                [number],
            )

    def publish(self, as_of: date = DAY) -> int:
        return history.remember(
            self.warehouse, self.marts, metrics=METRICS, as_of=as_of
        )

    def everything(self) -> dict[str, list[Any]]:
        return {
            name: self.rows(f"from kpi_history.{name} order by all")
            for (name,) in self.rows(
                "select table_name from duckdb_tables()"
                " where schema_name = 'kpi_history' order by all"
            )
        }


@pytest.fixture
def built(tmp_path: Path) -> Built:
    return Built(tmp_path)


def test_figures_of_periods_that_ended_before_the_day_are_kept(built: Built) -> None:
    built.publish(date(2026, 10, 31))
    assert built.rows("from kpi_history.figures") == []

    built.publish(date(2026, 11, 1))

    assert built.rows(
        "select dimension, period_start, orders, net_revenue from kpi_history.figures"
    ) == [("company", date(2026, 10, 1), 3, pytest.approx(30.5))]
    assert built.rows("from kpi_history.metrics order by all") == [
        ("net_revenue", "in RUB", date(2026, 11, 1)),
        ("orders", "paid", date(2026, 11, 1)),
    ]


def test_orders_that_changed_take_the_place_of_what_they_were(built: Built) -> None:
    for order_id in ("same", "gone", "refunded"):
        built.tell(order_id)
    built.publish()
    assert built.rows(
        "select order_id, customer_order_number from kpi_history.orders order by all"
    ) == [("gone", 3), ("refunded", 3), ("same", 3)]
    built.change("gone", "before")
    built.change("refunded", "before")
    built.change("refunded", "after", "refunded")
    built.change("came", "after")

    built.publish()

    assert built.rows(
        "select order_id, status from kpi_history.orders order by order_id"
    ) == [("came", "paid"), ("refunded", "refunded"), ("same", "paid")]


def test_to_remember_a_publication_twice_changes_nothing(built: Built) -> None:
    built.publish()
    built.change("came", "after")
    built.restate(1)
    assert built.publish() == 1
    once = built.everything()

    assert built.publish() == 0
    assert built.everything() == once

    built.restate(2)
    assert built.publish() == 1
    assert len(built.rows("from kpi_history.restatements")) == 2


def test_a_publication_for_an_earlier_day_is_not_remembered(built: Built) -> None:
    built.publish()
    before = built.everything()
    built.change("came", "after")
    built.restate(1)

    assert built.publish(date(2026, 11, 9)) == 0
    assert built.everything() == before


def test_a_publication_that_cannot_be_remembered_whole_is_not_at_all(
    built: Built,
) -> None:
    built.publish()
    before = built.everything()
    built.change("came", "after")
    with connect(built.marts) as connection:
        connection.execute("drop table kpi_restatement_orders")

    with pytest.raises(duckdb.CatalogException):
        built.publish(date(2026, 12, 1))

    assert built.everything() == before


def test_a_metric_that_is_new_has_no_figure_yet(built: Built) -> None:
    built.publish()

    history.create_tables(built.warehouse, [*METRICS, "churn_rate"])

    assert built.rows("select orders, churn_rate from kpi_history.figures") == [
        (3, None)
    ]


def test_what_was_published_goes_over_to_a_new_warehouse(
    tmp_path: Path, built: Built
) -> None:
    built.tell("first")
    built.restate(1)
    built.publish()
    published = built.everything()
    built.warehouse.close()
    with connect(tmp_path / "none.duckdb"):
        pass

    with connect(tmp_path / "new.duckdb") as connection:
        history.carry_over(connection, tmp_path / "none.duckdb")
        history.carry_over(connection, tmp_path / "warehouse.duckdb")
        history.create_tables(connection, METRICS)
        for name, rows in published.items():
            found = connection.execute(f"from kpi_history.{name} order by all")
            assert found.fetchall() == rows


def test_more_orders_than_a_row_group_are_all_remembered(built: Built) -> None:
    """DuckDB loses rows where an insert of none comes before one of many (0013)."""
    built.publish()
    built.change("came", "after")
    built.warehouse.execute(
        "insert into intermediate.int_order_changes"
        " select changes.* replace (concat('n', number) as order_id)"
        " from intermediate.int_order_changes as changes,"
        " range(300_000) as numbers (number)"
    )

    built.publish()

    assert built.rows("select count(*) from kpi_history.orders") == [(300_001,)]
