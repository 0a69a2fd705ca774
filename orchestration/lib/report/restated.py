"""When a figure was restated after its period had ended, and through which orders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import duckdb

#: What an order adds to columns of `kpi_sums` in its period, as its versions tell.
_IN_PERIOD = {
    name: name
    for name in (
        "orders", "orders_with_revenue", "orders_without_margin", "unpaid_orders",
        "new_customers", "gross_revenue", "net_revenue", "net_revenue_unassigned",
        "attributed_revenue", "known_margin", "attributed_known_margin",
    )
} | {"buyers": "if(orders = 1, cast(hash(customer_id) as hugeint), 0)"}  # fmt: skip
#: And to those that count from the beginning to the period's end.
_TO_DATE = {
    "customers_to_date": "new_customers",
    "repeat_customers_to_date": "new_repeat_customers",
    "orders_without_margin_to_date": "orders_without_margin",
    "revenue_to_date": "net_revenue - net_revenue_unassigned",
    "known_margin_to_date": "known_margin",
} | dict.fromkeys(
    # An order is a sign of life of its customer on its day, like a visit.
    ("active_customers", "churned_customers", "lifetime_days_to_date"),
    "cast(hash(customer_id, ordered_on) as hugeint)",
)
_VERSIONS = """
    select
        *,
        if(version = 'after', 1, -1) as sign,
        ordered_on < $end and {of_member} as is_to_date,
        is_to_date and ordered_on >= $start as is_within
    from marts.kpi_restatement_orders
    where restatement_number = $restatement
"""
#: One row per order that adds other than it did, with the file and line of today.
_ORDERS = """
    select
        order_id,
        max(what_changed) as what_changed,
        max_by(ordered_on, sign) filter (is_to_date) as ordered_on,
        sum(net_revenue) filter (sign = -1 and {counts}) as revenue_before,
        sum(net_revenue) filter (sign = 1 and {counts}) as revenue_after,
        max_by(_file_id, sign) as _file_id,
        max_by(_line, sign) as _line
    from ({versions})
    group by order_id
    having {differs}
"""


@dataclass(frozen=True)
class ChangedOrder:
    """An order that adds something else to a figure than it did."""

    what: str
    happened_on: str
    what_changed: str
    #: Its net revenue in the base currency; None where it did not count.
    revenue_before: Decimal | None
    revenue_after: Decimal | None
    file_name: str | None
    line: int | None


@dataclass(frozen=True)
class Restated:
    """One change of a figure; `orders` may be only the first ones of `order_count`."""

    restated_on: str
    published_for: str
    cause: str
    before: Decimal | None
    after: Decimal | None
    difference: Decimal | None
    order_count: int
    orders: list[ChangedOrder]


def restatements(
    connection: duckdb.DuckDBPyConnection,
    metric: str,
    expressions: Sequence[str | None],
    figure: tuple[str, str, str, date],
    end: date,
    limit: int | None,
) -> list[Restated]:
    """How a figure was restated, the latest first, and the weightiest orders behind it.

    Args:
        connection: to the warehouse, with the marts attached as `marts`.
        expressions: numerator and denominator of the metric, over `kpi_sums`.
        figure: dimension, member, period grain and start.
        end: first day after the period.
        limit: how many orders of each restatement to read; None for all.
    """
    found = connection.execute(
        """
        select restatement_number, restated_on, published_for, cause, figure_before,
            figure_after, difference
        from marts.kpi_restatements
        where metric = ? and dimension = ? and member = ? and period_grain = ?
            and period_start = ?
        order by restatement_number desc
        """,
        [metric, *figure],
    ).fetchall()
    return [
        Restated(
            str(restated_on),
            str(published_for),
            cause,
            before,
            after,
            difference,
            *_orders(connection, expressions, figure, end, number, limit),
        )
        for (
            number,
            restated_on,
            published_for,
            cause,
            before,
            after,
            difference,
        ) in found
    ]


def _orders(
    connection: duckdb.DuckDBPyConnection,
    expressions: Sequence[str | None],
    figure: tuple[str, str, str, date],
    end: date,
    number: int,
    limit: int | None,
) -> tuple[int, list[ChangedOrder]]:
    dimension, member, _, start = figure
    columns = {*_IN_PERIOD, *_TO_DATE}
    written = " ".join(each or "" for each in expressions)
    # A difference of two metrics has no numerator: it may be of any column.
    used = set(re.findall(r"\w+", written)) & columns if written.strip() else columns
    sums = [
        *(f"sum(sign * {_IN_PERIOD[name]}) filter (is_within)"
          for name in _IN_PERIOD if name in used),
        *(f"sum(sign * {_TO_DATE[name]}) filter (is_to_date)"
          for name in _TO_DATE if name in used),
    ]  # fmt: skip
    if not sums:
        return 0, []
    given = {"restatement": number, "start": start, "end": end}
    of_member = "true"
    if dimension != "company":
        of_member, given["member"] = f"{dimension} = $member", member
    changed = _ORDERS.format(
        versions=_VERSIONS.format(of_member=of_member),
        counts="is_to_date" if used & set(_TO_DATE) else "is_within",
        differs=" or ".join(f"coalesce({each}, 0) <> 0" for each in sums),
    )
    rows = connection.execute(
        f"""
        select
            count(*) over (),
            coalesce(orders.order_number, changed.order_id),
            changed.ordered_on,
            what_changed,
            revenue_before,
            revenue_after,
            file_name,
            changed._line
        from ({changed}) as changed
        left join marts.orders as orders using (order_id)
        left join ops.file_ledger as files on files.file_id = changed._file_id
        order by
            abs(coalesce(revenue_after, 0) - coalesce(revenue_before, 0)) desc,
            changed.ordered_on,
            order_id
        """
        + ("" if limit is None else f"limit {limit:d}"),
        given,
    ).fetchall()
    orders = [
        ChangedOrder(what, str(happened_on), *rest)
        for _, what, happened_on, *rest in rows
    ]
    return (rows[0][0] if rows else 0), orders
