"""Real input: half a year of a British wholesaler, against the published figures."""

import csv
from pathlib import Path

import pytest

from tests.support import crm360, rows, shared

#: Buyers of the clean rows by month since the month of the first order.
COHORTS = {
    "2010-12-01": [885, 324, 286, 340, 321, 352],
    "2011-01-01": [417, 92, 111, 96, 134],
    "2011-02-01": [380, 71, 71, 108],
    "2011-03-01": [452, 68, 114],
    "2011-04-01": [300, 64],
    "2011-05-01": [284],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As a person would: one command, today, nothing configured."""
    landing = shared("online_retail")
    home = tmp_path_factory.mktemp("online_retail")
    run = crm360("run", "--landing", str(landing), home=home)
    assert run.returncode == 0, run.stderr
    return home


def test_raw_rows_are_those_of_the_file(home: Path) -> None:
    assert rows(
        home / "warehouse.duckdb",
        """
        select
            count(*),
            count(distinct invoice_no),
            count(distinct customer_id),
            count(*) filter (customer_id is null),
            count(*) filter (invoice_no like 'C%')
        from online_retail.invoice_lines
        """,
    ) == [(209_029, 10_783, 2_767, 59_976, 3_783)]


def test_exact_copies_are_counted_and_kept(home: Path) -> None:
    """An invoice line has no number: the same line twice is two lines."""
    assert rows(
        home / "warehouse.duckdb",
        "select delivered, accepted + quarantined + duplicates, duplicates"
        " from quality.reconciliation",
    ) == [(209_029, 209_029, 1_747)]


def test_clean_lines_customers_invoices_and_revenue_are_the_published_ones(
    home: Path,
) -> None:
    assert rows(
        home / "marts.duckdb",
        """
        select
            count(*),
            count(distinct orders.customer_id),
            count(distinct orders.order_id),
            sum(order_lines.quantity * order_lines.unit_price) = 3332591.961
        from order_lines
        inner join orders on orders.order_id = order_lines.order_id
        where orders.is_paid and orders.customer_id <> 'unassigned'
        """,
    ) == [(145_450, 2_718, 7_409, True)]


def test_cancellations_are_kept_apart_and_are_no_revenue(home: Path) -> None:
    assert rows(
        home / "marts.duckdb",
        """
        select count(*), bool_or(orders.is_paid)
        from order_lines
        inner join orders on orders.order_id = order_lines.order_id
        where orders.status = 'cancelled'
        """,
    ) == [(3_783, False)]


def test_the_marts_are_in_the_only_currency_there_is(home: Path) -> None:
    assert rows(home / "warehouse.duckdb", "select base_currency from ops.runs") == [
        ("GBP",)
    ]
    assert rows(
        home / "marts.duckdb",
        "select sum(net_revenue - net_revenue_unassigned) = 3332591.96"
        " from kpi_company where period_grain = 'month'",
    ) == [(True,)]


def test_monthly_cohorts_are_the_published_ones(home: Path) -> None:
    for month, buyers in COHORTS.items():
        found = rows(
            home / "marts.duckdb",
            """
            select buyers
            from cohort_retention
            where cohort_month = cast(? as date) and month_number < ?
            order by month_number
            """,
            [month, len(buyers)],
        )
        assert [row[0] for row in found] == buyers
    assert rows(
        home / "marts.duckdb",
        "select count(distinct cohort_month) from cohort_retention",
    ) == [(len(COHORTS),)]


def test_every_buyer_is_forecast_or_it_is_said_why_not(home: Path) -> None:
    """The run is of today, years after the last order: what is true then may change."""
    assert rows(
        home / "marts.duckdb",
        """
        select
            count(*),
            bool_and((orders_reason is null) = (expected_orders_12m is not null)),
            bool_and((value_reason is null) = (clv_expected_12m is not null))
        from customer_expected_value
        """,
    ) == [(2_718, True, True)]


def test_a_winback_audience_is_in_the_outbox_and_says_why_it_is_empty(
    home: Path,
) -> None:
    """The file has no address and no consent: unknown consent is no consent."""
    with (home / "outbox" / "winback" / "members.csv").open(newline="") as file:
        reader = csv.DictReader(file)
        members = list(reader)

    assert reader.fieldnames is not None
    assert "email" in reader.fieldnames
    assert members == []
    assert rows(
        home / "activation.duckdb",
        "select reason, count(*) from plan_rows group by reason",
    ) == [("no_email", 2_718)]
