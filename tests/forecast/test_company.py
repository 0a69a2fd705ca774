"""From paid orders to fits and forecasts: cut, judged, chosen, kept."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from orchestration.lib.forecast import fits
from orchestration.lib.forecast.bg_nbd import BgNbd
from orchestration.lib.forecast.company import (
    COMPANY,
    Forecast,
    create_tables,
    forecast_customers,
    keep,
)
from orchestration.lib.forecast.fits import FIGURES, Fit
from orchestration.lib.forecast.gamma_gamma import GammaGamma
from tests.forecast.draws import draw_orders

AS_OF = date(2026, 10, 31)
PLANTED, AMOUNTS = BgNbd(0.6, 8.0, 0.9, 2.2), GammaGamma(6.0, 4.0, 1500.0)
Drawn = Callable[..., duckdb.DuckDBPyConnection]


@pytest.fixture
def drawn() -> Drawn:
    """A database with the table `orders`, drawn from the models, in a given order."""
    connection = duckdb.connect()

    def draw(
        customers: int = 1500, seed: int = 7, order: str = "order_id"
    ) -> duckdb.DuckDBPyConnection:
        days = 400
        drawn = draw_orders(  # noqa: F841 - read by DuckDB
            np.random.default_rng(seed), customers, days, PLANTED, AMOUNTS
        )
        connection.execute(
            f"""
            create or replace table orders as
            select
                concat('c', customer) as customer_id,
                concat('o', row_number() over ()) as order_id,
                if(customer % 3 = 0, 'site', 'shop') as source,
                date '{AS_OF}' - {days} + day as ordered_on,
                timestamp '{AS_OF}' - to_days({days}) + to_days(day) as ordered_at,
                cast(amount as decimal(38, 6)) as amount
            from drawn
            order by {order}
            """
        )
        return connection

    return draw


def orders_of(
    rows: Sequence[tuple[str, str, float]],
) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "create table orders"
        " (customer_id varchar, ordered_on date, amount decimal(38, 6))"
    )
    if rows:
        connection.executemany("insert into orders values (?, ?, ?)", rows)
    return connection


def forecast(
    connection: duckdb.DuckDBPyConnection, as_of: date = AS_OF, **options: Any
) -> Forecast:
    found = forecast_customers(connection, "orders", as_of=as_of, **options)
    assert found is not None
    return found


def of_company(found: Forecast) -> Fit:
    (fit,) = (fit for segment, fit in found.fits.items() if segment.value is None)
    return fit


def figures(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[Any, ...]]:
    """By customer."""
    return {
        customer: rest
        for customer, *rest in connection.execute(
            f"select customer_id, fit, {', '.join(FIGURES)} from customer_forecasts"
            " order by customer_id"
        ).fetchall()
    }


def test_what_was_drawn_is_forecast_better_than_naively(drawn: Drawn) -> None:
    connection = drawn(customers=4000)

    fit = of_company(forecast(connection))

    assert fit.orders is not None
    assert fit.orders.r == pytest.approx(PLANTED.r, rel=0.15)
    assert (fit.orders_reason, fit.value_reason) == (None, None)
    for errors in (fit.orders_errors, fit.revenue_errors):
        assert errors is not None
        assert errors.rmse < 0.9 * errors.naive_rmse
        assert errors.expected == pytest.approx(errors.actual, rel=0.1)


def test_every_customer_has_figures_that_grow_with_the_months(drawn: Drawn) -> None:
    connection = drawn()

    forecast(connection)

    found = figures(connection)
    (buyers,) = connection.execute(
        "select count(distinct customer_id) from orders"
    ).fetchone() or (0,)
    assert len(found) == buyers
    for fit, alive, *rest in found.values():
        assert fit == COMPANY
        assert 0 <= alive <= 1
        orders, revenue = rest[:3], rest[3:]
        assert sorted(orders) == orders
        assert sorted(revenue) == revenue


def test_the_order_of_rows_changes_nothing(drawn: Drawn) -> None:
    connection = drawn()
    first = forecast(connection).fits
    before = figures(connection)
    again = forecast(drawn(order="hash(order_id)")).fits

    assert again == first
    assert figures(connection) == before


def test_orders_of_one_day_are_one() -> None:
    rows = [
        (f"c{number}", f"2026-0{month}-0{number % 9 + 1}", 10.0)
        for number in range(60)
        for month in range(1, 2 + number % 7)
    ]
    once, split = orders_of(rows), orders_of([])
    split.executemany(
        "insert into orders values (?, ?, ?)",
        [(customer, day, amount / 2) for customer, day, amount in rows for _ in "ab"],
    )

    assert forecast(once).fits == forecast(split).fits
    assert figures(once) == figures(split)


def test_what_lies_after_the_day_is_not_seen(drawn: Drawn) -> None:
    connection = drawn()
    early = AS_OF - timedelta(days=60)

    seen = forecast(connection, early)
    connection.execute("delete from orders where ordered_on > ?", [early])

    assert forecast(connection, early).fits == seen.fits


def test_before_the_first_order_there_is_nothing_to_say(drawn: Drawn) -> None:
    connection = drawn()

    assert forecast_customers(connection, "orders", as_of=date(2020, 1, 1)) is None


def test_models_are_judged_by_the_last_quarter_of_the_history() -> None:
    connection = orders_of(
        [
            ("anna", "2026-01-01", 10),
            ("anna", "2026-02-01", 30),
            ("anna", "2026-12-30", 50),
            ("boris", "2026-11-01", 20),
        ]
    )

    found = forecast(connection, date(2026, 12, 31))

    assert found.days.first_on == date(2026, 1, 1)
    assert found.days.cut_on == date(2026, 10, 1)
    assert found.days.holdout_days == 91
    fit = of_company(found)
    assert (fit.customers, fit.repeat_customers, fit.holdout_customers) == (2, 1, 1)


def test_the_naive_forecast_goes_on_as_before() -> None:
    """One rate of the past; over fewer days than are forecast no faster than it was."""
    seen = fits.Observation(
        whole=fits.Customers(*np.zeros((4, 0), dtype=np.int64)),
        before_cut=fits.Customers(
            repeats=np.array([4, 4, 0]),
            repeat_amount=np.array([40.0, 40.0, 0.0]),
            recency_days=np.array([190, 5, 0]),
            age_days=np.array([200, 10, 50]),
        ),
        orders_after_cut=np.array([2.0, 0.0, 1.0]),
        amount_after_cut=np.array([20.0, 0.0, 10.0]),
        holdout_days=100,
    )

    naive = fits._naive(
        seen.before_cut.repeats.astype(float), seen.before_cut, seen.holdout_days
    )

    assert naive.tolist() == [2.0, 4.0, 0.0]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("anna", "2026-01-01", 10), ("anna", "2026-03-01", 10)], fits.TOO_FEW),
        ([(f"c{number}", "2026-01-01", 10) for number in range(99)], fits.NO_REPEATS),
        (
            [
                (f"c{number}", f"2026-0{month}-01", 10 + number)
                for number in range(99)
                for month in range(1, 10)
            ],
            fits.NO_MAXIMUM,
        ),
    ],
    ids=["one customer", "nobody came back", "all alike"],
)
def test_a_model_that_says_nothing_says_why(
    rows: list[tuple[str, str, float]], reason: str
) -> None:
    connection = orders_of(rows)

    fit = of_company(forecast(connection))

    assert (fit.orders_reason, fit.value_reason) == (reason, reason)
    assert {value for _, *rest in figures(connection).values() for value in rest} == {
        None
    }


def test_a_history_too_short_to_be_cut_cannot_be_judged(drawn: Drawn) -> None:
    connection = drawn(customers=4000)
    connection.execute(
        f"delete from orders where ordered_on > date '{AS_OF}' - 400 + 30"
    )

    fit = of_company(forecast(connection, AS_OF - timedelta(days=400 - 30)))

    assert fit.orders is not None
    assert fit.orders_errors is None
    assert (fit.orders_reason, fit.value_reason) == (fits.TOO_SHORT, fits.TOO_SHORT)


def test_a_model_that_is_no_better_than_the_past_gives_no_figures(
    drawn: Drawn,
) -> None:
    """Customers who order like clocks: their own past is the better forecast."""
    connection = drawn()
    connection.execute(
        f"""
        create or replace table orders as
        select
            concat('c', number) as customer_id,
            date '{AS_OF}' - cast(number % 13 + step * (7 + number % 90) as integer)
                as ordered_on,
            cast(10 + number % 7 as decimal(38, 6)) as amount
        from range(400) as customers(number), range(200) as steps(step)
        where step * (7 + number % 90) < 600
        """
    )

    fit = of_company(forecast(connection))

    assert fit.orders_errors is not None
    assert fit.orders_errors.rmse >= fit.orders_errors.naive_rmse
    assert fit.orders_reason == fits.NO_BETTER
    assert {rest[1] for rest in figures(connection).values()} == {None}


def test_free_orders_count_as_orders_and_not_as_amounts(drawn: Drawn) -> None:
    connection = drawn()
    before = of_company(forecast(connection))
    connection.execute("update orders set amount = 0")

    fit = of_company(forecast(connection))

    assert fit.orders == before.orders
    assert (fit.orders_reason, fit.value_reason) == (None, fits.NO_REPEATS)
    some = next(iter(figures(connection).values()))
    assert None not in some[:5]
    assert set(some[5:]) == {None}


DIMENSIONS = {"first_source": "source", COMPANY: None}


def test_segments_with_enough_customers_have_models_of_their_own(drawn: Drawn) -> None:
    connection = drawn()

    found = forecast(connection, dimensions=DIMENSIONS, least_customers=700)

    assert [segment.name for segment in found.fits] == [
        "first_source=shop", "first_source=site", COMPANY,
    ]  # fmt: skip
    shop, site, company = found.fits.values()
    assert shop.orders is not None
    assert shop.customers + site.customers == company.customers
    assert site.orders_reason == fits.TOO_FEW
    sources = dict(
        connection.execute(
            "select customer_id, min(source) from orders group by customer_id"
        ).fetchall()
    )
    for customer, (fit, *_) in figures(connection).items():
        expected = "first_source=shop" if sources[customer] == "shop" else COMPANY
        assert fit == expected


def test_the_first_order_tells_the_segment_and_ties_are_broken(drawn: Drawn) -> None:
    connection = drawn()
    connection.execute(
        """
        insert into orders
        select customer_id, 'a' || order_id, 'first', ordered_on, ordered_at, amount
        from orders
        where customer_id = 'c3';
        insert into orders
        select customer_id, 'z' || order_id, 'last', ordered_on, ordered_at, amount
        from orders
        where customer_id = 'c4';
        """
    )

    found = forecast(connection, dimensions=DIMENSIONS)

    counts = {segment.value: fit.customers for segment, fit in found.fits.items()}
    assert counts["first"] == 1
    assert "last" not in counts


def test_a_dimension_without_differences_has_no_fits(drawn: Drawn) -> None:
    connection = drawn()
    connection.execute("update orders set source = 'shop'")

    found = forecast(connection, dimensions=DIMENSIONS)

    assert [segment.name for segment in found.fits] == [COMPANY]


def test_fits_of_other_days_are_kept_and_forecasts_replaced(
    drawn: Drawn, tmp_path: Path
) -> None:
    connection = drawn()
    days = (AS_OF - timedelta(days=1), AS_OF, AS_OF)

    for number, day in enumerate(days):
        keep(connection, forecast(connection, day), as_of=day, run_id=f"run {number}")

    assert connection.execute(
        "select as_of, fit, run_id, converged, beats_naive from forecast.fits"
        " order by as_of"
    ).fetchall() == [
        (days[0], COMPANY, "run 0", True, True),
        (days[1], COMPANY, "run 2", True, True),
    ]
    assert connection.execute(
        "select count(*) = count(distinct customer_id), min(as_of), max(as_of)"
        " from forecast.customer_forecasts"
    ).fetchall() == [(True, AS_OF, AS_OF)]


def test_a_day_without_orders_leaves_no_forecasts(drawn: Drawn) -> None:
    connection = drawn()
    keep(connection, forecast(connection), as_of=AS_OF, run_id="one")

    keep(connection, None, as_of=AS_OF, run_id="two")

    for table in ("fits", "customer_forecasts"):
        assert connection.execute(f"from forecast.{table}").fetchall() == []


def test_tables_are_made_once(drawn: Drawn) -> None:
    connection = drawn()
    create_tables(connection)
    create_tables(connection)
