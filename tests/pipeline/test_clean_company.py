"""A company without dirt: every figure equals an independent count of the truth."""

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.report.figures import (
    FigureUnknown,
    explain_figure,
    read_period,
)
from orchestration.settings import PROJECT
from tests.pipeline.conftest import FirstRun
from tests.support import rows

MOSCOW_DAY = "cast(timezone('Europe/Moscow', timezone('UTC', {})) as date)"


@pytest.fixture(scope="module")
def home(first_run: Callable[[float], FirstRun]) -> Path:
    return first_run(0).home


@pytest.fixture(scope="module")
def truth(
    first_run: Callable[[float], FirstRun], request: pytest.FixtureRequest
) -> duckdb.DuckDBPyConnection:
    """The truth as views, beside the marts and the warehouse of the run."""
    connection = duckdb.connect()
    request.addfinalizer(connection.close)
    home, exports = first_run(0).home, first_run(0).exports
    for name in ("marts", "warehouse"):
        connection.execute(f"attach '{home}/{name}.duckdb' as {name} (read_only)")
    for name in (
        "people", "households", "shared_contacts", "records", "orders",
        "order_lines", "consents",
    ):  # fmt: skip
        connection.execute(
            f"create view true_{name} as"
            f" from read_csv('{exports}/truth/{name}.csv', all_varchar = true)"
        )
    connection.execute(
        f"""
        create view true_rates as
        select cast(rate_on as date) as rate_on, currency, cast(rate as decimal(18, 8))
            as rate
        from read_csv('{PROJECT}/seeds/fx_rates.csv', all_varchar = true)
        """
    )
    connection.execute(
        f"""
        create view true_paid as
        with

        dated as (

            select
                *,
                {MOSCOW_DAY.format("cast(ordered_at as timestamp)")} as ordered_on
            from true_orders
            where status in ('paid', 'fulfilled', 'partially_refunded', 'refunded')

        )

        select
            dated.*,
            cast(net_amount as decimal(18, 2)) * case
                when currency = 'RUB' then 1
                else (
                    select arg_max(true_rates.rate, true_rates.rate_on)
                    from true_rates
                    where true_rates.currency = dated.currency
                        and true_rates.rate_on <= dated.ordered_on
                )
            end as net_base
        from dated
        """
    )
    return connection


def test_every_row_is_accepted(home: Path) -> None:
    assert rows(
        home / "warehouse.duckdb",
        "select sum(delivered) = sum(accepted), sum(quarantined), sum(duplicates)"
        " from quality.reconciliation",
    ) == [(True, 0, 0)]


def test_orders_are_the_true_orders_to_the_kopeck(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    columns = (
        "status, currency, gross_amount, discount_amount, refund_amount, net_amount"
    )
    missing = truth.execute(
        f"""
        select
            concat('shopify:', order_id), status, currency,
            cast(gross_amount as decimal(18, 2)),
            cast(discount_amount as decimal(18, 2)),
            cast(refund_amount as decimal(18, 2)),
            cast(net_amount as decimal(18, 2)),
            cast(ordered_at as timestamp)
        from true_orders
        except all
        select order_id, {columns}, ordered_at from marts.orders
        """
    ).fetchall()
    (counts,) = truth.execute(
        "select (select count(*) from true_orders), (select count(*) from marts.orders)"
    ).fetchall()

    assert missing == []
    assert counts[0] == counts[1]


def test_monthly_revenue_and_orders_are_the_true_ones(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    expected = truth.execute(
        """
        select
            cast(date_trunc('month', ordered_on) as date),
            count(*),
            cast(round(sum(net_base), 2) as decimal(18, 2))
        from true_paid
        group by all
        order by all
        """
    ).fetchall()

    found = truth.execute(
        "select period_start, orders, net_revenue from marts.kpi_company"
        " where period_grain = 'month' and orders > 0 order by period_start"
    ).fetchall()

    assert found == expected


def test_every_figure_is_its_numerator_by_its_denominator(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    """In every period of the company and of every member of a dimension."""
    metrics = truth.execute(
        "select metric, numerator, denominator from marts.kpi_metrics"
        " where numerator is not null"
    ).fetchall()
    columns = truth.execute(
        "select column_name from duckdb_columns()"
        " where database_name = 'marts' and table_name = 'kpi_company'"
        " and not starts_with(column_name, 'period_')"
        " and not starts_with(column_name, 'is_')"
    ).fetchall()

    assert {metric for metric, _, _ in metrics} | {"ltv_revenue_gap"} == {
        name for (name,) in columns
    }
    for metric, numerator, denominator in metrics:
        counted, wrong = truth.execute(
            f"""
            select
                count(kpi_dimensions.{metric}),
                count(*) filter (
                    abs(kpi_dimensions.{metric} - made.figure) > 0.006
                    or (kpi_dimensions.{metric} is not null and made.figure is null)
                )
            from marts.kpi_dimensions
            inner join (
                select dimension, member, period_grain, period_start,
                    ({numerator})::double
                    / nullif(({denominator or 1})::double, 0) as figure
                from marts.kpi_sums
            ) as made
                using (dimension, member, period_grain, period_start)
            """
        ).fetchall()[0]
        assert wrong == 0, metric
        assert counted > 0, metric


@pytest.mark.parametrize("period", ["2026", "2026-H1", "2026-09", "2026-W40"])
def test_the_rows_behind_a_figure_sum_to_its_numerator(home: Path, period: str) -> None:
    figure = explain_figure(
        home / "warehouse.duckdb",
        home / "marts.duckdb",
        "aov",
        read_period(period),
        limit=None,
    )

    (orders,) = figure.behind
    assert orders.count == len(orders.rows) > 0
    assert sum(row.amount or 0 for row in orders.rows) == figure.numerator_value
    assert {row.file_name for row in orders.rows} == {"shopify/orders.csv"}
    assert all(row.line for row in orders.rows)


def test_what_there_is_not_is_refused_with_what_there_is(home: Path) -> None:
    files = (home / "warehouse.duckdb", home / "marts.duckdb")

    with pytest.raises(FigureUnknown, match="Did you mean aov"):
        explain_figure(*files, "avo", read_period("2026"))
    with pytest.raises(FigureUnknown, match="begin from 2024-01-01 to 2026-01-01"):
        explain_figure(*files, "aov", read_period("2031"))
    with pytest.raises(FigureUnknown, match="There are shopify"):
        explain_figure(
            *files, "aov", read_period("2026"), dimension="source", member="spotify"
        )


def test_every_buyer_is_forecast_or_it_is_said_why_not(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    assert truth.execute(
        """
        select
            count(*) = (select count(*) from marts.rfm),
            bool_and((orders_reason is null) = (expected_orders_3m is not null)),
            bool_and((value_reason is null) = (clv_expected_3m is not null))
        from marts.customer_expected_value
        """
    ).fetchall() == [(True, True, True)]


def test_forecasts_are_judged_by_the_true_orders_after_the_cut(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    (judged,) = truth.execute(
        """
        with

        cut as (select cut_on from marts.forecast_fits where fit = 'company'),

        order_days as (
            select distinct orders.customer_id, true_paid.ordered_on
            from true_paid
            inner join marts.orders
                on orders.order_id = concat('shopify:', true_paid.order_id)
            where orders.customer_id <> 'unassigned'
        ),

        customers as (
            select
                min(ordered_on) <= min(cut_on) as is_known,
                count(*) filter (ordered_on > cut_on) as later
            from order_days, cut
            group by customer_id
        )

        select count(*), count(*) filter (is_known), sum(later) filter (is_known)
        from customers
        """
    ).fetchall()

    assert truth.execute(
        "select customers, holdout_customers, orders_actual from marts.forecast_fits"
        " where fit = 'company'"
    ).fetchall() == [judged]


#: Every source record with its person and its customer.
RESOLVED = """
    select true_records.person_id, customer_ids.customer_id
    from true_records
    inner join warehouse.identity.customer_ids
        on customer_ids.source = true_records.source
        and customer_ids.record_id = true_records.record_id
"""


def test_identity_merges_nobody_but_namesakes_of_one_household(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    """A father and a son of one name and one telephone are often told by nothing."""
    strangers = truth.execute(
        f"""
        with

        resolved as (select distinct * from ({RESOLVED}))

        select one.person_id, other.person_id
        from resolved as one
        inner join resolved as other
            on other.customer_id = one.customer_id
            and other.person_id > one.person_id
        inner join true_people as left_side on left_side.person_id = one.person_id
        inner join true_people as right_side on right_side.person_id = other.person_id
        where not (
            left_side.first_name_latin = right_side.first_name_latin
            and left_side.birth_date <> right_side.birth_date
            and exists (
                select 1
                from true_shared_contacts as held
                inner join true_shared_contacts as held_too
                    on held_too.contact_point = held.contact_point
                    and held_too.person_id = other.person_id
                where held.person_id = one.person_id and held.kind = 'household'
            )
        )
        """
    ).fetchall()

    assert strangers == []


def test_identity_finds_most_records_of_a_person(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    (found,) = truth.execute(
        f"""
        select
            sum(together * (together - 1)) / (
                select sum(records * (records - 1))
                from (select count(*) as records from ({RESOLVED}) group by person_id)
            )
        from (
            select count(*) as together
            from ({RESOLVED})
            group by person_id, customer_id
        )
        """
    ).fetchall()

    assert found[0] > 0.9, "most records of a person meet on an address or a number"


def test_who_shares_an_address_shares_its_consent(
    truth: duckdb.DuckDBPyConnection,
) -> None:
    shared = truth.execute(
        """
        select
            count(distinct consents.customer_id),
            count(distinct consents.is_granted)
        from (select distinct contact_point from true_shared_contacts) as shared
        inner join marts.customer_consents as consents
            on consents.channel = 'email'
            and consents.contact_point_hash = sha256(shared.contact_point)
        group by shared.contact_point
        """
    ).fetchall()

    assert max(customers for customers, _ in shared) > 1
    assert {answers for _, answers in shared} == {1}


def test_consents_are_the_true_ones(truth: duckdb.DuckDBPyConnection) -> None:
    wrong = truth.execute(
        """
        select true_consents.email
        from true_consents
        left join marts.customer_consents
            on customer_consents.channel = 'email'
            and customer_consents.contact_point_hash
            = sha256(lower(true_consents.email))
        where customer_consents.is_granted
            is distinct from cast(true_consents.is_granted as boolean)
        """
    ).fetchall()

    assert len(wrong) == 0


def test_nobody_in_the_outbox_has_opted_out(
    truth: duckdb.DuckDBPyConnection, home: Path
) -> None:
    (sent,) = truth.execute(
        f"""
        select
            count(*),
            count(*) filter (cast(true_consents.is_granted as boolean))
        from read_csv('{home}/outbox/winback/members.csv', all_varchar = true)
            as members
        left join true_consents on lower(true_consents.email) = members.email
        """
    ).fetchall()

    assert sent[0] > 0
    assert sent[0] == sent[1]


#: The worked queries of the page, which people copy.
QUERIES = re.findall(
    r"```sql\n(.*?)```", (PROJECT / "docs/bi.md").read_text(), re.DOTALL
)
#: Columns of theirs that groups have apart, so that they sum to the company's.
SUMMED = ("orders", "new_customers", "net_revenue", "cost")


@pytest.fixture(scope="module")
def published(home: Path, request: pytest.FixtureRequest) -> duckdb.DuckDBPyConnection:
    """What BI tools open."""
    current = home / "published/current"
    connection = duckdb.connect(str(current / "marts.duckdb"), read_only=True)
    request.addfinalizer(connection.close)
    connection.execute(f"set file_search_path = '{current}'")
    return connection


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_worked_query_sums_to_the_company(
    published: duckdb.DuckDBPyConnection, query: str
) -> None:
    found = published.sql(query)
    summed = [name for name in SUMMED if name in found.columns]
    half_year = re.search(r"half_year_label = '(\d+)-H(\d)'", query)
    periods = (
        f"period_grain = 'half_year' and period_start = make_date({half_year[1]},"
        f" 6 * {half_year[2]} - 5, 1)"
        if half_year
        else "period_grain = 'year'"
    )

    rows_of_query = found.fetchall()
    totals = [
        float(sum(row[found.columns.index(name)] or 0 for row in rows_of_query))
        for name in summed
    ]

    assert "net_revenue" in summed
    assert totals == [
        # half a kopeck for each group
        pytest.approx(float(company), abs=0.005 * (len(rows_of_query) + 1))
        for company in published.execute(
            f"select {', '.join(f'sum({name})' for name in summed)}"
            f" from kpi_company where {periods}"
        ).fetchall()[0]
    ]


def test_the_page_writes_out_the_expression_that_the_marts_have(
    published: duckdb.DuckDBPyConnection,
) -> None:
    expressions = dict(
        published.execute("select metric, expression from kpi_metrics").fetchall()
    )

    assert len(QUERIES) == 5
    for metric in ("orders", "net_revenue", "aov"):
        assert f"{expressions[metric]} as {metric}" in QUERIES[-1]


@pytest.mark.parametrize(
    ("dimension", "member"),
    [
        ("company", "'company'"),
        ("source", "facts.source"),
        ("offer", "facts.offer"),
        ("country", "customers.country"),
        ("first_channel", "customers.first_channel"),
        ("segment", "segment_members.segment"),
    ],
)
def test_a_macro_gives_the_figure_that_the_marts_give(
    published: duckdb.DuckDBPyConnection, dimension: str, member: str
) -> None:
    """By every grain and member; costs have no dimension of customers or orders."""
    metrics = [
        (metric, unit)
        for metric, unit, expression in published.execute(
            "select metric, unit, expression from kpi_metrics"
            " where expression is not null order by metric"
        ).fetchall()
        if dimension == "company" or "sum(cost)" not in expression
    ]
    bridge = (
        "inner join segment_members on segment_members.customer_id = facts.customer_id"
        if dimension == "segment"
        else ""
    )
    assert len(metrics) > 12
    for grain in ("day", "week", "month", "quarter", "half_year", "year"):
        day = "calendar_day" if grain == "day" else f"{grain}_start"
        differing = ", ".join(
            f"count(*) filter (abs(coalesce(summed.{metric}, -1)"
            f" - coalesce(figures.{metric}, -1))"
            f" > {'0.0101' if unit == 'money' else '0.0000011'})"
            for metric, unit in metrics
        )
        compared, *wrong = published.execute(
            f"""
            select count(*), {differing}
            from (
                select
                    {member} as member,
                    {day} as period_start,
                    {", ".join(f"{metric}(facts) as {metric}" for metric, _ in metrics)}
                from kpi_facts as facts
                inner join dim_calendar on calendar_day = fact_on
                inner join dim_customers as customers
                    on customers.customer_id = facts.customer_id
                {bridge}
                group by all
            ) as summed
            inner join kpi_dimensions as figures
                on figures.dimension = '{dimension}'
                and figures.period_grain = '{grain}'
                and figures.member = summed.member
                and figures.period_start = summed.period_start
            """
        ).fetchall()[0]
        assert compared > 0
        assert dict(zip(metrics, wrong, strict=True)) == dict.fromkeys(metrics, 0)
