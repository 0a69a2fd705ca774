"""From single orders to what the models read: histories, whole and cut."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from orchestration.lib.forecast.fits import Customers, Observation
from orchestration.lib.warehouse import quoted

Numbers = npt.NDArray[np.int64]
#: Of the time from the first order to the as-of day, what models are judged by.
_HOLDOUT_SHARE = (1, 4)
_HISTORY = tuple(each.name for each in fields(Customers))


@dataclass(frozen=True)
class Span:
    """The days that a forecast is made from."""

    first_on: date
    #: Last day of what a model may see that is then judged by the days after it.
    cut_on: date
    as_of: date

    @property
    def holdout_days(self) -> int:
        """Days after the cut."""
        return (self.as_of - self.cut_on).days


def span(
    connection: duckdb.DuckDBPyConnection, orders: str, as_of: date
) -> Span | None:
    """The days from the first order to `as_of`, the cut before the last quarter.

    Args:
        orders: relation with `ordered_on`.

    Returns:
        None when nothing was ordered by then.
    """
    (first_on,) = connection.execute(
        f"select min(ordered_on) from {orders} where ordered_on <= ?", [as_of]
    ).fetchone() or (None,)
    if first_on is None:
        return None
    part, whole = _HOLDOUT_SHARE
    holdout = (as_of - first_on).days * part // whole
    return Span(first_on, as_of - timedelta(days=holdout), as_of)


def create_histories(
    connection: duckdb.DuckDBPyConnection,
    orders: str,
    days: Span,
    firsts: Mapping[str, str],
) -> None:
    """Write the temporary table `histories`, one row per customer who ordered.

    Orders of a customer on one day count as one. Amounts are summed as decimals, so
    that the order of rows changes nothing. Customers are numbered.

    Args:
        orders: relation with `customer_id`, `ordered_on` and `amount` (decimal); for
            `firsts` with `ordered_at` and `order_id` too.
        firsts: columns to add, with what they are of the customer's first order.
    """
    first = "".join(
        f", coalesce(arg_min({quoted(column)}, (ordered_at, order_id)), 'unknown')"
        f" as {quoted(name)}"
        for name, column in firsts.items()
    )
    connection.execute(
        f"""
        create or replace temp table histories as
        with

        order_days as (

            select customer_id, ordered_on, sum(amount) as amount
            from {orders}
            where ordered_on <= $as_of
            group by customer_id, ordered_on

        ),

        summed as (

            select
                customer_id,
                min(ordered_on) as first_on,
                max(ordered_on) as last_on,
                max(ordered_on) filter (ordered_on <= $cut_on) as last_on_before_cut,
                count(*) as order_days,
                count(*) filter (ordered_on <= $cut_on) as order_days_before_cut,
                arg_min(amount, ordered_on) as first_amount,
                sum(amount) as amount,
                coalesce(sum(amount) filter (ordered_on > $cut_on), 0)
                    as amount_after_cut
            from order_days
            group by customer_id

        ),

        firsts as (

            select customer_id{first}
            from {orders}
            where ordered_on <= $as_of
            group by customer_id

        )

        select
            row_number() over () as customer,
            firsts.*,
            first_on <= $cut_on as is_in_holdout,
            order_days - 1 as repeats,
            order_days_before_cut - 1 as repeats_before_cut,
            order_days - order_days_before_cut as orders_after_cut,
            date_diff('day', first_on, last_on) as recency_days,
            date_diff('day', first_on, last_on_before_cut) as recency_days_before_cut,
            date_diff('day', first_on, $as_of) as age_days,
            date_diff('day', first_on, $cut_on) as age_days_before_cut,
            cast(amount - first_amount as double) as repeat_amount,
            cast(amount - first_amount - amount_after_cut as double)
                as repeat_amount_before_cut,
            cast(amount_after_cut as double) as amount_after_cut
        from summed
        inner join firsts using (customer_id)
        """,
        {"as_of": days.as_of, "cut_on": days.cut_on},
    )


@dataclass(frozen=True)
class Selection:
    """Some customers of the temporary table `histories`."""

    #: SQL, with `?` for each of the values.
    condition: str = "true"
    values: tuple[str, ...] = ()


def observe(
    connection: duckdb.DuckDBPyConnection, days: Span, selected: Selection
) -> Observation:
    """The history of these customers, whole and cut."""
    found = _read(
        connection,
        selected,
        *(f"{name}{suffix}" for name in _HISTORY for suffix in ("", "_before_cut")),
        *("is_in_holdout", "orders_after_cut", "amount_after_cut"),
    )
    is_held = np.asarray(found["is_in_holdout"], dtype=bool)
    return Observation(
        whole=Customers(*(found[name] for name in _HISTORY)),
        before_cut=Customers(
            *(
                # Nobody's are null, who ordered after the cut only.
                np.asarray(found[f"{name}_before_cut"][is_held], found[name].dtype)
                for name in _HISTORY
            )
        ),
        orders_after_cut=found["orders_after_cut"][is_held].astype(float),
        amount_after_cut=found["amount_after_cut"][is_held],
        holdout_days=days.holdout_days,
    )


def read_customers(
    connection: duckdb.DuckDBPyConnection, selected: Selection
) -> tuple[Numbers, Customers]:
    """Numbers of these customers, and their whole histories."""
    found = _read(connection, selected, "customer", *_HISTORY)
    return found["customer"], Customers(*(found[name] for name in _HISTORY))


def _read(
    connection: duckdb.DuckDBPyConnection, selected: Selection, *columns: str
) -> dict[str, Any]:
    return connection.execute(
        f"select {', '.join(columns)} from histories where {selected.condition}",
        list(selected.values),
    ).fetchnumpy()
