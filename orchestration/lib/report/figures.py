"""A figure of the marts, taken apart: formula, its two parts, the rows behind it."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.report.restated import Restated, restatements
from orchestration.lib.warehouse import connect, literal

#: How a period is written, and the grain that it then has.
_WRITTEN_AS = (
    (re.compile(r"(\d{4})"), "year"),
    (re.compile(r"(\d{4})-H([12])"), "half_year"),
    (re.compile(r"(\d{4})-Q([1-4])"), "quarter"),
    (re.compile(r"(\d{4})-(\d{2})"), "month"),
    (re.compile(r"(\d{4})-W(\d{2})"), "week"),
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})"), "day"),
)
_MONTHS_OF_A_PART = {"half_year": 6, "quarter": 3, "month": 1}

#: What a row must say of its order or customer to be of a member of a dimension.
_MEMBERS = {
    "company": "$member = 'company'",
    "source": "source = $member",
    "offer": "coalesce(discount_code, 'none') = $member",
    "country": "if(customer_id is null, 'unassigned', coalesce(country, 'unknown'))"
    " = $member",
    "first_channel": "if(customer_id is null, 'unassigned',"
    " coalesce(first_channel, 'unknown')) = $member",
    "segment": "customer_id in"
    " (select customer_id from marts.segment_members where segment = $member)",
}

_IN_PERIOD = "ordered_on >= $start and ordered_on < $end"
#: Which orders stand behind a figure.
_ORDERS_BEHIND = {
    "paid_orders": f"is_paid and {_IN_PERIOD}",
    "free_orders": f"is_paid and net_amount_base <= 0 and {_IN_PERIOD}",
    "unpaid_orders": f"not is_paid and {_IN_PERIOD}",
    "unassigned_orders": f"is_paid and customer_id is null and {_IN_PERIOD}",
    "first_orders": f"paid_order_number = 1 and {_IN_PERIOD}",
    "orders_to_date": "paid_order_number is not null and ordered_on < $end",
    "touched_orders": f"is_paid and {_IN_PERIOD} and order_id in ("
    "select order_id from marts.order_credits where touch_number > 0)",
}
_ORDERS = """
    select order_number as what, ordered_on as happened_on, net_amount_base as amount,
        file_name, _line
    from (
        select orders.*, published.order_number, published._line, files.file_name,
            buyers.country, buyers.first_channel
        from intermediate.int_customer_orders as orders
        inner join marts.orders as published using (order_id)
        left join intermediate.int_buyers as buyers
            on buyers.customer_id = orders.customer_id
        left join ops.file_ledger as files on files.file_id = published._file_id
    )
    where {condition}
"""
_COSTS = """
    select concat_ws(' ', channel, nullif(campaign_id, 'none')) as what,
        cost_on as happened_on, cost_amount_base as amount, file_name, _line
    from marts.campaign_costs
    left join ops.file_ledger on file_id = _file_id
    where cost_on >= $start and cost_on < $end and {condition}
"""
#: Only channels have costs of their own.
_COSTS_OF_MEMBER = "channel = $member"
#: Customers who fell silent, with the day of which the last is known.
_CHURNED = """
    select customer_id as what, (
            select max(active_on) from intermediate.int_activity_days as days
            where days.customer_id = silent.customer_id and days.active_on < $end
        ) as happened_on, null as amount, null as file_name, null as _line
    from (
        select periods.*, buyers.country, buyers.first_channel
        from intermediate.int_active_periods as periods
        inner join intermediate.int_buyers as buyers using (customer_id)
    ) as silent
    where period_grain = $grain and last_start = $start and is_churned and {condition}
"""


class FigureUnknown(LookupError):
    """No metric, period or member is called so; the message says what can be."""


@dataclass(frozen=True)
class Period:
    """A stretch of time that figures are told for."""

    grain: str
    start: date


@dataclass(frozen=True)
class Row:
    """A delivered row behind a figure, and the amount that it adds."""

    what: str
    happened_on: str
    amount: Decimal | None
    file_name: str | None
    line: int | None


@dataclass(frozen=True)
class RowsBehind:
    """Rows of one kind; `rows` may be only the first ones of `count`."""

    kind: str
    count: int
    total: Decimal | None
    rows: list[Row]


@dataclass(frozen=True)
class Figure:
    """A metric of a member in a period, with all that it is made of."""

    metric: str
    dimension: str
    member: str
    period_grain: str
    period_start: str
    is_complete: bool
    unit: str
    currency: str
    value: Any
    formula: str
    numerator: str | None
    numerator_value: Any
    denominator: str | None
    denominator_value: Any
    restated: list[Restated]
    behind: list[RowsBehind]


def read_period(written: str) -> Period:
    """The period that a person wrote.

    Args:
        written: `2026`, `2026-H2`, `2026-Q4`, `2026-10`, `2026-W40` or `2026-10-05`.

    Raises:
        FigureUnknown: it is none of these.
    """
    for pattern, grain in _WRITTEN_AS:
        match = pattern.fullmatch(written.upper())
        if match:
            year, *parts = (int(part) for part in match.groups())
            try:
                return Period(grain, _start(grain, year, parts))
            except ValueError:
                break
    raise FigureUnknown(
        f"{written!r} is no period: write 2026, 2026-H2, 2026-Q4, 2026-10, 2026-W40 or"
        " 2026-10-05."
    )


def explain_figure(
    warehouse: Path,
    marts: Path,
    metric: str,
    period: Period,
    *,
    dimension: str = "company",
    member: str = "company",
    limit: int | None = 20,
) -> Figure:
    """Take a figure of `kpi_dimensions` apart.

    Args:
        limit: how many rows of each kind to read; None for all.

    Raises:
        FigureUnknown: the metric, the period or the member is not in the marts.
        FileNotFoundError: nothing has run yet.
    """
    with connect(warehouse, read_only=True) as connection:
        connection.execute(f"attach {literal(str(marts))} as marts (read_only)")
        unit, formula, numerator, denominator, behind = _definition(connection, metric)
        _known(dimension, _MEMBERS, "dimension")
        of_figure = [dimension, member, period.grain, period.start]
        found = connection.execute(
            f"""
            select
                (
                    select {metric} from marts.kpi_dimensions as figures
                    where figures.dimension = kpi_sums.dimension
                        and figures.member = kpi_sums.member
                        and figures.period_grain = kpi_sums.period_grain
                        and figures.period_start = kpi_sums.period_start
                ),
                is_complete,
                (
                    select next_period_start from intermediate.int_periods as periods
                    where periods.period_grain = kpi_sums.period_grain
                        and periods.period_start = kpi_sums.period_start
                ),
                {numerator or "null"},
                {denominator or "null"},
                (
                    select base_currency from ops.runs
                    order by started_at desc, run_id desc limit 1
                )
            from marts.kpi_sums
            where dimension = ? and member = ? and period_grain = ?
                and period_start = ?
            """,
            of_figure,
        ).fetchone()
        if found is None:
            raise FigureUnknown(_what_there_is(connection, dimension, member, period))
        value, is_complete, end, numerator_value, denominator_value, currency = found
        within = {
            "start": period.start, "end": end, "grain": period.grain, "member": member
        }  # fmt: skip
        return Figure(
            metric=metric,
            dimension=dimension,
            member=member,
            period_grain=period.grain,
            period_start=period.start.isoformat(),
            is_complete=is_complete,
            unit=unit,
            currency=currency,
            value=value,
            formula=formula,
            numerator=numerator,
            numerator_value=numerator_value,
            denominator=denominator,
            denominator_value=denominator_value,
            restated=restatements(
                connection,
                metric,
                [numerator, denominator],
                (dimension, member, period.grain, period.start),
                end,
                limit,
            ),
            behind=[
                _rows_behind(connection, kind, dimension, within, limit)
                for kind in (behind or "").split()
                if kind != "costs" or dimension in ("company", "first_channel")
            ],
        )


def _start(grain: str, year: int, parts: Sequence[int]) -> date:
    if grain == "week":
        return date.fromisocalendar(year, parts[0], 1)
    if grain in _MONTHS_OF_A_PART:
        return date(year, 1 + (parts[0] - 1) * _MONTHS_OF_A_PART[grain], 1)
    return date(year, *parts) if parts else date(year, 1, 1)


def _definition(
    connection: duckdb.DuckDBPyConnection, metric: str
) -> tuple[str, str, str | None, str | None, str | None]:
    rows = connection.execute(
        "select metric, unit, formula, numerator, denominator, rows_behind"
        " from marts.kpi_metrics"
    ).fetchall()
    definitions = {name: definition for name, *definition in rows}
    _known(metric, definitions, "metric")
    unit, formula, numerator, denominator, behind = definitions[metric]
    return unit, formula, numerator, denominator, behind


def _known(name: str, names: Any, kind: str) -> None:  # noqa: ANN401 - any collection
    if name not in names:
        near = difflib.get_close_matches(name, names, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise FigureUnknown(
            f"There is no {kind} {name!r}.{hint} There are {', '.join(sorted(names))}."
        )


def _what_there_is(
    connection: duckdb.DuckDBPyConnection, dimension: str, member: str, period: Period
) -> str:
    first, last = connection.execute(
        "select min(period_start), max(period_start) from marts.kpi_dimensions"
        " where dimension = ? and member = ? and period_grain = ?",
        [dimension, member, period.grain],
    ).fetchall()[0]
    if first is not None:
        return (
            f"{member} has no {period.grain} that begins on {period.start}:"
            f" they begin from {first} to {last}."
        )
    members = connection.execute(
        "select distinct member from marts.kpi_dimensions where dimension = ?"
        " order by member limit 30",
        [dimension],
    ).fetchall()
    there_are = ", ".join(name for (name,) in members)
    return f"{dimension} has no member {member!r}. There are {there_are}."


def _rows_behind(
    connection: duckdb.DuckDBPyConnection,
    kind: str,
    dimension: str,
    within: dict[str, Any],
    limit: int | None,
) -> RowsBehind:
    of_member = _MEMBERS[dimension]
    if kind == "costs":
        of_member = _MEMBERS["company"] if dimension == "company" else _COSTS_OF_MEMBER
        selected = _COSTS.format(condition=of_member)
    elif kind == "churned_customers":
        selected = _CHURNED.format(condition=of_member)
    else:
        selected = _ORDERS.format(condition=f"{_ORDERS_BEHIND[kind]} and {of_member}")
    parameters = {name: within[name] for name in within if f"${name}" in selected}
    counted = connection.execute(
        f"select count(*), sum(amount) from ({selected})", parameters
    ).fetchall()[0]
    rows = connection.execute(
        f"{selected} order by happened_on, what"
        + ("" if limit is None else f" limit {limit:d}"),
        parameters,
    ).fetchall()
    return RowsBehind(
        kind=kind,
        count=counted[0],
        total=counted[1],
        rows=[
            Row(what, str(happened_on), amount, file_name, line)
            for what, happened_on, amount, file_name, line in rows
        ],
    )
