"""Touches, and their credits of orders: docs/metrics.md, Attribution."""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from typing import Any

import pandas as pd

from orchestration.settings import PROJECT
from tests.truth.arithmetic import rounded
from tests.truth.facts import MICRO, Facts

CONTINUES_WITHIN = pd.Timedelta(minutes=30)
HALF_LIFE_DAYS = 7
MODELS = ["last_touch", "first_touch", "linear", "position_based", "time_decay"]


def windows() -> pd.Series:
    """Days before an order in which a touch of a channel counts."""
    seed = pd.read_csv(PROJECT / "seeds" / "attribution_windows.csv")
    return seed.set_index("channel")["lookback_days"]


def touches(facts: Facts) -> pd.DataFrame:
    """Clicks and visits of known customers, but those that continue another."""
    clicks = facts.messages.dropna(subset=["customer", "clicked_at"])
    first = facts.events.sort_values("step").drop_duplicates("session_id")
    visits = first.dropna(subset="customer")
    found = pd.concat(
        [
            clicks[["customer", "channel", "campaign_id"]].assign(
                happened_at=clicks["clicked_at"]
            ),
            visits[["customer", "happened_at"]].assign(
                channel=visits["utm_campaign"]
                .notna()
                .map({True: "email", False: "direct"}),
                campaign_id=visits["utm_campaign"],
            ),
        ]
    ).sort_values(["customer", "channel", "happened_at"], kind="stable")
    since = found.groupby(["customer", "channel"])["happened_at"].diff()
    return found[~(since <= CONTINUES_WITHIN)].reset_index(drop=True)


def credited(facts: Facts, found: pd.DataFrame) -> pd.DataFrame:
    """Paid orders with each of their touches, the oldest first, number 1."""
    paid = facts.orders[facts.orders["is_paid"]]
    pairs = paid.merge(found[found["channel"] != "direct"], on="customer")
    before = pairs["ordered_at"] - pairs["happened_at"]
    in_window = (before >= pd.Timedelta(0)) & (
        before <= pd.to_timedelta(pairs["channel"].map(windows()), unit="D")
    )
    pairs = pairs[in_window].sort_values(["order_id", "happened_at", "channel"])
    return pairs.assign(
        touch_number=pairs.groupby("order_id").cumcount() + 1,
        touch_count=pairs.groupby("order_id")["order_id"].transform("count"),
        days_before=before[in_window] / pd.Timedelta(days=1),
    ).reset_index(drop=True)


def attribution(facts: Facts) -> list[dict[str, Any]]:
    """Every credit of every paid order by every model."""
    paid = facts.orders[facts.orders["is_paid"]]
    found = credited(facts, touches(facts))
    without = paid[~paid["order_id"].isin(found["order_id"])]
    without = without.assign(
        channel=without["customer"].notna().map({True: "direct", False: "unassigned"}),
        campaign_id=pd.NA,
        touch_number=0,
        touch_count=1,
        days_before=0.0,
        happened_at=pd.NaT,
    )
    touched = pd.concat([without, found]).sort_values(["order_id", "touch_number"])
    rows: list[dict[str, Any]] = []
    for _, group in groupby(touched.to_dict("records"), itemgetter("order_id")):
        journey = list(group)
        for model in MODELS:
            rows += _credits(model, journey)
    return rows


def _credits(model: str, journey: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What the touches of one order get: cumulative shares, each of them rounded."""
    weights = [_weight(model, touch) for touch in journey]
    before = Fraction(0)
    for touch, weight in zip(journey, weights, strict=True):
        until = before + weight / sum(weights)
        shares = {
            column: None
            if pd.isna(touch[amount])
            else _part(before * touch[amount] / MICRO, until * touch[amount] / MICRO, 2)
            for column, amount in (
                ("attributed_revenue", "net"),
                ("attributed_margin", "margin"),
            )
        }
        if weight:
            yield {
                "attribution_model": model,
                "order_id": f"shopify:{touch['order_id']}",
                "touch_number": touch["touch_number"],
                "channel": touch["channel"],
                "campaign_id": "none"
                if pd.isna(touch["campaign_id"])
                else touch["campaign_id"],
                "credit": _part(before, until, 6),
                "is_first_order": touch["paid_number"] == 1,
                "ordered_on": touch["ordered_on"].date(),
            } | shares
        before = until


def _weight(model: str, touch: dict[str, Any]) -> Fraction:
    number, count = touch["touch_number"], touch["touch_count"]
    is_end = number in (1, count) or number == 0
    match model:
        case "last_touch":
            return Fraction(number in (0, count))
        case "first_touch":
            return Fraction(number <= 1)
        case "linear":
            return Fraction(1)
        case "position_based":
            if count <= 2:
                return Fraction(1)
            return Fraction(4, 10) if is_end else Fraction(2, 10 * (count - 2))
        case _:
            return Fraction(0.5 ** (touch["days_before"] / HALF_LIFE_DAYS))


def _part(before: Fraction, until: Fraction, places: int) -> Decimal:
    """What rounding cumulatively gives between two shares."""
    upper, lower = rounded(until, places), rounded(before, places)
    assert upper is not None and lower is not None
    return upper - lower


def first_channels(facts: Facts) -> pd.Series:
    """Channels that the last touch credits with the first orders of customers."""
    found = credited(facts, touches(facts))
    last = found[found["touch_number"] == found["touch_count"]]
    firsts = facts.orders[facts.orders["paid_number"] == 1].dropna(subset="customer")
    channels = firsts["order_id"].map(last.set_index("order_id")["channel"])
    return channels.fillna("direct").set_axis(firsts["customer"])
