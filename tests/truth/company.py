"""The figures of the company and of its dimensions: docs/metrics.md, first table."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from tests.truth.arithmetic import (
    GRAINS,
    less,
    money,
    periods,
    rate,
    ratio,
    rounded,
    start_of,
)
from tests.truth.customers import segments
from tests.truth.facts import Facts, moscow_day
from tests.truth.journeys import credited, first_channels, touches

CUTOFF = 180
FIT = Fraction(1, 10)

Row = dict[str, Any]

#: What is about customers means nothing of shops and offers, which are made of orders.
ABOUT_CUSTOMERS = [
    "repeat_customers_to_date", "active_customers", "churned_customers",
    "ltv_revenue_simple", "ltv_revenue_detailed", "ltv_revenue_gap",
    "ltv_margin_simple", "ltv_margin_detailed", "repeat_purchase_rate", "churn_rate",
    "lifetime_days", "ltv_to_cac", "is_ltv_below_cac", "is_crm_marketing_fit",
]  # fmt: skip


def activity(facts: Facts) -> pd.DataFrame:
    """Customers who have bought, and days on which something was seen of them."""
    seen = [
        facts.orders[["customer"]].assign(day=facts.orders["ordered_on"]),
        facts.events[["customer"]].assign(day=moscow_day(facts.events["happened_at"])),
        facts.messages[["customer"]].assign(
            day=moscow_day(facts.messages["clicked_at"])
        ),
    ]
    buyers = facts.orders.loc[facts.orders["is_paid"], "customer"]
    days = pd.concat(seen).dropna().drop_duplicates()
    return days[days["customer"].isin(buyers)].reset_index(drop=True)


def kpi_company(facts: Facts) -> list[Row]:
    """Every period of the company."""
    return list(
        _figures(facts, facts.orders, activity(facts), facts.costs, _touched(facts))
    )


def kpi_dimensions(facts: Facts) -> list[Row]:
    """Every period but days of every member of a dimension; the company is apart."""
    orders, seen, touched = facts.orders, activity(facts), _touched(facts)
    channels = first_channels(facts)

    found: list[Row] = []

    def add(
        dimension: str,
        member: str,
        of_orders: pd.Series,
        of_seen: pd.Series | None = None,
        costs: pd.DataFrame | None = None,
    ) -> None:
        for row in _figures(
            facts,
            orders[of_orders],
            seen.head(0) if of_seen is None else seen[of_seen],
            facts.costs.head(0) if costs is None else costs,
            touched,
            GRAINS[1:],
        ):
            if of_seen is None:
                row |= dict.fromkeys(ABOUT_CUSTOMERS)
            if dimension != "offer" or row["orders"] or row["unpaid_orders"]:
                found.append({"dimension": dimension, "member": member} | row)

    add("source", "shopify", orders["order_id"].notna())
    for offer in orders["offer"].unique():
        add("offer", offer, orders["offer"] == offer)

    of_customers = {
        "country": facts.countries,
        "first_channel": channels.reindex(facts.customers).fillna("unknown"),
    }
    for dimension, members in of_customers.items():
        by_order = orders["customer"].map(members).fillna("unassigned")
        by_seen = seen["customer"].map(members)
        costs = facts.costs if dimension == "first_channel" else facts.costs.head(0)
        for member in sorted({*by_order, *by_seen, *costs["channel"]}):
            add(
                dimension,
                member,
                by_order == member,
                by_seen == member,
                costs[costs["channel"] == member],
            )

    for segment, customers in segments(facts).groupby("segment")["customer"]:
        add(
            "segment",
            str(segment),
            orders["customer"].isin(customers),
            seen["customer"].isin(customers),
        )
    return found


def _touched(facts: Facts) -> pd.Index:
    """Paid orders with a touch other than direct in its window."""
    return pd.Index(credited(facts, touches(facts))["order_id"].unique())


def _figures(
    facts: Facts,
    orders: pd.DataFrame,
    seen: pd.DataFrame,
    costs: pd.DataFrame,
    touched: pd.Index,
    grains: list[str] = GRAINS,
) -> Iterator[Row]:
    """One row per period, from the first order or cost on."""
    # Before somebody ordered there is nobody to be active.
    first = min(orders["ordered_on"].tolist() + costs["spent_on"].tolist())
    paid = orders[orders["is_paid"]]
    known = paid.dropna(subset="customer")
    firsts = known[known["paid_number"] == 1]
    seconds = known[known["paid_number"] == 2]
    lives = _Lives(seen, min([first, *seen["day"]]), facts.as_of)
    buyers_first = firsts.set_index("customer")["ordered_on"]
    knows_margin = bool(facts.orders["margin"].notna().all())

    for grain in grains:
        spine = periods(first, facts.as_of, grain)

        def by_period(
            days: pd.Series,
            values: pd.Series,
            how: str,
            grain: str = grain,
            starts: pd.Series = spine["start"],
        ) -> pd.Series:
            figures = values.groupby(start_of(days, grain)).agg(how)
            return figures.reindex(starts).fillna(0).astype("int64")

        def count(some: pd.DataFrame) -> pd.Series:
            return by_period(some["ordered_on"], some["order_id"], "count")

        def total(column: str, some: pd.DataFrame = paid) -> pd.Series:
            return by_period(some["ordered_on"], some[column], "sum")

        is_touched = paid["order_id"].isin(touched)
        sums = pd.DataFrame(
            {
                "orders": count(paid),
                "orders_to_date": count(paid).cumsum(),
                "free_orders": count(paid[paid["net"] <= 0]),
                "unpaid_orders": count(orders[~orders["is_paid"]]),
                "buyers": by_period(known["ordered_on"], known["customer"], "nunique"),
                "new_customers": count(firsts),
                "customers_to_date": count(firsts).cumsum(),
                "repeat_customers_to_date": count(seconds).cumsum(),
                "gross": total("gross"),
                "net": total("net"),
                "unassigned": total("net", paid[paid["customer"].isna()]),
                "margin": total("margin"),
                "revenue_to_date": total("net", known).cumsum(),
                "margin_to_date": total("margin").cumsum(),
                "attributed": total("net", paid[is_touched]),
                "attributed_margin": total("margin", paid[is_touched]),
            }
        )
        spent = costs["amount"].groupby(start_of(costs["spent_on"], grain)).sum()
        for (start, end), totals in zip(
            spine.itertuples(index=False), sums.to_dict("records"), strict=True
        ):
            if not knows_margin:
                totals |= _without_margin(totals)
            yield _row(
                grain, start, end, end <= facts.as_of, totals, spent.get(start),
                *lives.at(start, min(end, facts.as_of), buyers_first),
            )  # fmt: skip


def _without_margin(totals: dict[Any, int]) -> dict[Any, int | None]:
    """Margins where no cost of goods is told: of no orders it is zero all the same."""
    return {
        "margin": None if totals["orders"] else 0,
        "attributed_margin": None if totals["orders"] else 0,
        "margin_to_date": None if totals["orders_to_date"] else 0,
    }


class _Lives:
    """When customers were last seen, for every day."""

    def __init__(
        self, seen: pd.DataFrame, first: pd.Timestamp, as_of: pd.Timestamp
    ) -> None:
        self.first_day = first
        self.customers = pd.Index(seen["customer"].unique())
        days = (as_of - first).days + 1
        last = np.full((len(self.customers), days), -10_000)
        offsets = (seen["day"] - first).dt.days.to_numpy()
        last[self.customers.get_indexer(seen["customer"]), offsets] = offsets
        self.first_seen = np.where(last >= 0, last, days).min(axis=1, initial=days)
        self.last_seen = np.maximum.accumulate(last, axis=1)

    def at(
        self, start: pd.Timestamp, end: pd.Timestamp, buyers_first: pd.Series
    ) -> tuple[int, int, int]:
        """Active at the start, gone at the end, and days that buyers lived by then."""
        begin, until = (start - self.first_day).days, (end - self.first_day).days
        if begin > 0:
            had_bought = self.customers.isin(buyers_first.index[buyers_first < start])
            seen_ago = (begin - 1) - self.last_seen[:, begin - 1]
            active = had_bought & (seen_ago < CUTOFF)
        else:
            active = np.zeros(len(self.customers), dtype=bool)
        churned = active & (until - self.last_seen[:, until] >= CUTOFF)
        to_date = self.customers.isin(buyers_first.index[buyers_first <= end])
        life = (self.last_seen[:, until] - self.first_seen)[to_date]
        return int(active.sum()), int(churned.sum()), int(life.sum())


def _row(
    grain: str,
    start: pd.Timestamp,
    end: pd.Timestamp,
    is_complete: bool,
    sums: dict[str, int],
    cost: int | None,
    active: int,
    churned: int,
    life: int,
) -> Row:
    days = (end - start).days + 1
    orders, buyers, known = sums["orders"], sums["buyers"], sums["customers_to_date"]
    net, margin = sums["net"], sums["margin"]
    with_revenue = orders - sums["free_orders"]

    def lifetime_value(amount: int | None, detailed: bool) -> Fraction | None:
        """What a buyer of the period brings, times the periods of a life."""
        if not is_complete or amount is None:
            return None
        brings = (
            ratio(amount * orders, with_revenue * buyers)
            if detailed
            else ratio(amount, buyers)
        )
        lives = ratio(life, known * days)
        return None if brings is None or lives is None else brings * lives

    simple, detailed = lifetime_value(net, False), lifetime_value(net, True)
    margin_simple, margin_detailed = (
        lifetime_value(margin, False),
        lifetime_value(margin, True),
    )
    ltv, ltv_detailed = money(simple), money(detailed)
    cac = ratio(cost, sums["new_customers"])
    ltv_to_cac = None if simple is None or not cac else simple / cac
    repeat = ratio(sums["repeat_customers_to_date"], known)
    return {
        "period_grain": grain,
        "period_start": start.date(),
        "is_complete": is_complete,
        "orders": orders,
        "free_orders": sums["free_orders"],
        "unpaid_orders": sums["unpaid_orders"],
        "buyers": buyers,
        "new_customers": sums["new_customers"],
        "customers_to_date": known,
        "repeat_customers_to_date": sums["repeat_customers_to_date"],
        "active_customers": active,
        "churned_customers": churned if is_complete else None,
        "gross_revenue": money(sums["gross"]),
        "net_revenue": money(net),
        "net_revenue_unassigned": money(sums["unassigned"]),
        "margin": money(margin),
        "revenue_to_date": money(sums["revenue_to_date"]),
        "margin_to_date": money(sums["margin_to_date"]),
        "attributed_revenue": money(sums["attributed"]),
        "attributed_margin": money(sums["attributed_margin"]),
        "cost": money(cost),
        "aov": money(net, with_revenue),
        "arpu": money(net, buyers),
        "cac": money(cost, sums["new_customers"]),
        "ltv_revenue_simple": ltv,
        "ltv_revenue_detailed": ltv_detailed,
        "ltv_revenue_gap": less(ltv_detailed, ltv),
        "ltv_margin_simple": money(margin_simple),
        "ltv_margin_detailed": money(margin_detailed),
        "ltv_revenue_realised": money(sums["revenue_to_date"], known),
        "purchase_frequency": rate(orders, buyers),
        "repeat_purchase_rate": rate(sums["repeat_customers_to_date"], known),
        "churn_rate": rate(churned, active) if is_complete else None,
        "lifetime_days": rate(life, known),
        "margin_coverage": rate(0 if margin is None else orders, orders),
        "romi": rate(less(sums["attributed"], cost), cost),
        "revenue_per_cost": rate(sums["attributed"], cost),
        "romi_margin": rate(less(sums["attributed_margin"], cost), cost),
        "ltv_to_cac": rounded(ltv_to_cac, 6),
        "is_ltv_below_cac": None if ltv_to_cac is None else ltv_to_cac < 1,
        "is_crm_marketing_fit": None if repeat is None else repeat >= FIT,
    }
