"""A company's fits and the forecasts of its customers, kept in the warehouse.

forecast.fits                 one row per logical day and fit
forecast.customer_forecasts   one row per customer who ordered, of the last run
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.lib.forecast.fits import (
    FIGURES,
    Errors,
    Fit,
    fit,
    score,
    too_few,
)
from orchestration.lib.forecast.likelihood import rounded
from orchestration.lib.forecast.purchases import (
    Selection,
    Span,
    create_histories,
    observe,
    read_customers,
    span,
)
from orchestration.lib.warehouse import quoted

#: The dimension in which all customers are one segment.
COMPANY = "company"
_WHOLE_COMPANY: Mapping[str, str | None] = {COMPANY: None}
#: That of the published figures of CDNOW.
UNIT = "weeks"

#: Figures have six decimals, so that two machines say the same.
_DECIMALS = {
    name: "decimal(38, 6)" if name.startswith("clv") else "decimal(18, 6)"
    for name in FIGURES
}
_TABLES = f"""
create schema if not exists forecast;
create table if not exists forecast.fits (
    as_of date not null,
    fit varchar not null,
    dimension varchar not null,
    segment varchar,
    customers bigint not null,
    repeat_customers bigint not null,
    converged boolean not null,
    beats_naive boolean not null,
    orders_reason varchar,
    value_converged boolean not null,
    value_beats_naive boolean not null,
    value_reason varchar,
    problem varchar,
    r double, alpha double, a double, b double,
    orders_log_likelihood double,
    p double, q double, v double,
    value_log_likelihood double,
    cut_on date not null,
    holdout_days bigint not null,
    holdout_customers bigint not null,
    orders_actual double, orders_expected double, orders_naive double,
    orders_total_error double, orders_naive_total_error double,
    orders_mae double, orders_naive_mae double,
    orders_rmse double, orders_naive_rmse double,
    revenue_actual double, revenue_expected double, revenue_naive double,
    revenue_total_error double, revenue_naive_total_error double,
    revenue_mae double, revenue_naive_mae double,
    revenue_rmse double, revenue_naive_rmse double,
    run_id varchar not null,
    primary key (as_of, fit)
);
create table if not exists forecast.customer_forecasts (
    as_of date not null,
    customer_id varchar not null,
    fit varchar not null,
    {", ".join(f"{name} {kind}" for name, kind in _DECIMALS.items())}
);
"""


@dataclass(frozen=True)
class Segment:
    """Customers whom one fit is about; all of them where `value` is None."""

    dimension: str
    value: str | None

    @property
    def name(self) -> str:
        """As fits are called."""
        if self.value is None:
            return self.dimension
        return f"{self.dimension}={self.value}"

    @property
    def selection(self) -> Selection:
        """Its customers among all histories."""
        if self.value is None:
            return Selection()
        return Selection(f"{quoted(self.dimension)} = ?", (self.value,))


@dataclass(frozen=True)
class Forecast:
    """Fits by segment, in the order of dimensions and segments."""

    days: Span
    fits: Mapping[Segment, Fit]


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of this module."""
    connection.execute(_TABLES)


def forecast_customers(
    connection: duckdb.DuckDBPyConnection,
    orders: str,
    *,
    as_of: date,
    unit: str = UNIT,
    dimensions: Mapping[str, str | None] = _WHOLE_COMPANY,
    least_customers: int = 0,
) -> Forecast | None:
    """Fit every segment and forecast every customer.

    Writes the temporary table `customer_forecasts`: `customer_id`, `fit` and `FIGURES`,
    null where no fit gives any. A customer is forecast by the fit of their segment in
    the first dimension in which it gives all figures, else in the first in which it
    gives orders; where none does, they have that of the last dimension.

    Args:
        orders: relation of paid orders with `customer_id`, `ordered_on`, `amount`
            (decimal), and for dimensions `order_id`, `ordered_at` and what they name.
        dimensions: in order of preference, `COMPANY` among them, with the column that
            tells the segment by a customer's first order; None for `COMPANY`.
        least_customers: segments with fewer are not fitted; the company always is.

    Returns:
        None when nothing was ordered by `as_of`.
    """
    days = span(connection, orders, as_of)
    if days is None:
        return None
    create_histories(
        connection,
        orders,
        days,
        {name: column for name, column in dimensions.items() if column},
    )
    fits = {}
    for segment in _segments(connection, dimensions):
        observation = observe(connection, days, segment.selection)
        is_small = segment.value and len(observation.whole) < least_customers
        fits[segment] = too_few(observation) if is_small else fit(observation, unit)
    _assign(connection, fits)
    _score(connection, fits, unit)
    return Forecast(days, fits)


def keep(
    connection: duckdb.DuckDBPyConnection,
    forecast: Forecast | None,
    *,
    as_of: date,
    run_id: str,
) -> None:
    """Write `forecast.*` from what `forecast_customers` found.

    Fits of other days stay, so that one can see how parameters move.
    """
    create_tables(connection)
    connection.execute("delete from forecast.fits where as_of = ?", [as_of])
    connection.execute("delete from forecast.customer_forecasts")
    if forecast is None:
        return
    for segment, found in forecast.fits.items():
        row = {
            "as_of": as_of,
            **fit_row(segment, found, forecast.days),
            "run_id": run_id,
        }
        connection.execute(
            f"insert into forecast.fits ({', '.join(row)})"
            f" values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    connection.execute(
        f"insert into forecast.customer_forecasts by name"
        f" select cast(? as date) as as_of, customer_id, fit, {', '.join(FIGURES)}"
        " from customer_forecasts",
        [as_of],
    )


def fit_row(segment: Segment, found: Fit, days: Span) -> dict[str, Any]:
    """A fit as a row of `forecast.fits`; figures have eight digits."""
    return {
        "fit": segment.name,
        "dimension": segment.dimension,
        "segment": segment.value,
        "customers": found.customers,
        "repeat_customers": found.repeat_customers,
        "converged": found.orders is not None,
        "beats_naive": bool(found.orders_errors and found.orders_errors.beats_naive),
        "orders_reason": found.orders_reason,
        "value_converged": found.value is not None,
        "value_beats_naive": bool(
            found.revenue_errors and found.revenue_errors.beats_naive
        ),
        "value_reason": found.value_reason,
        "problem": "; ".join(found.problems) or None,
        **(asdict(found.orders) if found.orders else {}),
        "orders_log_likelihood": found.orders_log_likelihood,
        **(asdict(found.value) if found.value else {}),
        "value_log_likelihood": found.value_log_likelihood,
        "cut_on": days.cut_on,
        "holdout_days": days.holdout_days,
        "holdout_customers": found.holdout_customers,
        **_errors("orders", found.orders_errors),
        **_errors("revenue", found.revenue_errors),
    }


def _errors(what: str, errors: Errors | None) -> dict[str, float | None]:
    if errors is None:
        return {}
    return {
        f"{what}_{name}": None if value is None else rounded(value)
        for name, value in asdict(errors).items()
    }


def _segments(
    connection: duckdb.DuckDBPyConnection, dimensions: Mapping[str, str | None]
) -> list[Segment]:
    """In order; a dimension in which all customers are alike has none."""
    found = []
    for dimension, column in dimensions.items():
        if column is None:
            found.append(Segment(dimension, None))
            continue
        values = connection.execute(
            f"select distinct {quoted(dimension)} from histories order by all"
        ).fetchall()
        if len(values) > 1:
            found += [Segment(dimension, value) for (value,) in values]
    return found


def _assign(connection: duckdb.DuckDBPyConnection, fits: Mapping[Segment, Fit]) -> None:
    """Write the column `fit` of `histories`: who is forecast by which."""
    whole = [segment for segment, found in fits.items() if not found.value_reason]
    orders = [segment for segment, found in fits.items() if not found.orders_reason]
    connection.execute("alter table histories add column fit varchar")
    for segment in (*whole, *orders, *reversed(list(fits))):
        connection.execute(
            "update histories set fit = ?"
            f" where fit is null and {segment.selection.condition}",
            [segment.name, *segment.selection.values],
        )


def _score(
    connection: duckdb.DuckDBPyConnection, fits: Mapping[Segment, Fit], unit: str
) -> None:
    """Write the temporary table `customer_forecasts`."""
    numbers, figures = [], []
    for segment, found in fits.items():
        mine = Selection("fit = ?", (segment.name,))
        these, customers = read_customers(connection, mine)
        numbers.append(these)
        figures.append(score(found, customers, unit))
    columns = np.concatenate(figures).T
    scores = pa.table(
        {
            "customer": np.concatenate(numbers),
            **{
                name: pa.array(column, from_pandas=True)  # nan is null
                for name, column in zip(FIGURES, columns, strict=True)
            },
        }
    )
    connection.register("scores", scores)
    typed = ", ".join(
        f"cast({name} as {_DECIMALS[name]}) as {name}" for name in FIGURES
    )
    connection.execute(
        f"""
        create or replace temp table customer_forecasts as
        select histories.customer_id, histories.fit, {typed}
        from histories
        inner join scores using (customer)
        """
    )
    connection.unregister("scores")
