"""Channels, campaigns and messages: docs/metrics.md from Attribution to NPS."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pandas as pd

from tests.truth.arithmetic import GRAINS, less, money, rate, start_of
from tests.truth.facts import MICRO, Facts, moscow_day
from tests.truth.journeys import MODELS, attribution, credited, touches, windows

CAP = 3
OWNED = ["email", "sms", "push", "messenger", "call_centre"]
CONTACT_GRAINS = GRAINS[1:]
MESSAGE_STEPS = ["sent_at", "delivered_at", "opened_at", "clicked_at"]

Row = dict[str, Any]


def kpi_channels(facts: Facts, by: Iterable[str] = ("channel",)) -> list[Row]:
    """Credits of orders beside costs, by model, channel and period.

    With the campaign in `by`, of campaigns; what is of no campaign is then left out.
    """
    by = list(by)
    credits = pd.DataFrame(attribution(facts))
    credits = credits[(credits[by] != "none").all(axis=1)]
    nets = facts.orders.set_index("shopify:" + facts.orders["order_id"])["net"]
    credits = credits.assign(
        ordered_on=pd.to_datetime(credits["ordered_on"]),
        orders=credits["credit"].map(_micro),
        revenue=credits["attributed_revenue"].map(_micro),
        margin=credits["attributed_margin"].map(_micro, na_action="ignore"),
    )
    credits["margin"] = credits["margin"].astype("Int64")
    credits["unknown_margins"] = credits["margin"].isna()
    credits["new"] = credits["orders"].where(credits["is_first_order"], 0)
    credits["with_revenue"] = credits["orders"].where(
        credits["order_id"].map(nets) > 0, 0
    )
    sums = ["orders", "new", "with_revenue", "revenue", "margin", "unknown_margins"]
    rows: list[Row] = []
    for grain in GRAINS:
        earned = credits.groupby(
            ["attribution_model", *by, start_of(credits["ordered_on"], grain)]
        )[sums].sum()
        spent = facts.costs.groupby([*by, start_of(facts.costs["spent_on"], grain)])
        costs = spent["amount"].sum().to_dict()
        totals = earned.to_dict("index")
        for model in MODELS:
            credited_keys = {key[1:] for key in totals if key[0] == model}
            for key in credited_keys | costs.keys():
                some = totals.get((model, *key), dict.fromkeys(sums, 0))
                rows.append(
                    dict(zip(by, key, strict=False))
                    | {
                        "attribution_model": model,
                        "period_grain": grain,
                        "period_start": key[-1].date(),
                    }
                    | _returns(some, costs.get(key))
                )
    return rows


def kpi_campaigns(facts: Facts) -> list[Row]:
    """The same by campaign."""
    return kpi_channels(facts, ["channel", "campaign_id"])


def _returns(sums: dict[str, int], cost: int | None) -> Row:
    revenue = sums["revenue"]
    margin = None if sums["unknown_margins"] else sums["margin"]
    return {
        "orders": rate(sums["orders"], MICRO),
        "new_customers": rate(sums["new"], MICRO),
        "attributed_revenue": money(revenue),
        "attributed_margin": money(margin),
        "cost": money(cost),
        "aov": money(revenue * MICRO, sums["with_revenue"]),
        "cac": money(None if cost is None else cost * MICRO, sums["new"]),
        "romi": rate(less(revenue, cost), cost),
        "revenue_per_cost": rate(revenue, cost),
        "romi_margin": rate(less(margin, cost), cost),
    }


def _micro(amount: Decimal) -> int:
    return int(amount * MICRO)


def kpi_contacts(facts: Facts) -> list[Row]:
    """What became of messages by channel and period, and what a contact cost."""
    sent = facts.messages.dropna(subset="sent_at")
    sent = sent.assign(day=moscow_day(sent["sent_at"]))
    last = credited(facts, touches(facts))
    last = last[last["touch_number"] == last["touch_count"]]
    costs = facts.costs[facts.costs["channel"].isin(OWNED)]
    last = last[last["channel"].isin(OWNED)]
    rows: list[Row] = []
    for grain in CONTACT_GRAINS:
        of_messages = dict(
            list(sent.groupby(["channel", start_of(sent["day"], grain)]))
        )
        of_costs = costs.groupby(["channel", start_of(costs["spent_on"], grain)])
        spent = of_costs["amount"].sum()
        of_orders = last.groupby(["channel", start_of(last["ordered_on"], grain)])
        discounts = of_orders["discount"].sum()
        for channel, start in sorted({*of_messages, *spent.index, *discounts.index}):
            some = of_messages.get((channel, start), sent.head(0))
            delivered = int(some["delivered_at"].notna().sum())
            opened = int(some["opened_at"].notna().sum())
            clicked = int(some["clicked_at"].notna().sum())
            cost = spent.get((channel, start))
            discount = discounts.get((channel, start), 0)
            rows.append(
                {
                    "channel": channel,
                    "period_grain": grain,
                    "period_start": start.date(),
                    "sent": len(some),
                    "delivered": delivered,
                    "opened": opened,
                    "clicked": clicked,
                    "cost": money(cost),
                    "discount_amount": money(discount),
                    "cost_per_contact": money(
                        None if cost is None else cost + discount, delivered
                    ),
                    "delivery_rate": rate(delivered, len(some)),
                    "open_rate": rate(opened, delivered),
                    "click_rate": rate(clicked, delivered),
                }
            )
    return rows


def contact_pressure(facts: Facts) -> list[Row]:
    """Messages that arrived at customers, by week; of all channels and of each."""
    arrived = facts.messages.dropna(subset=["customer", "delivered_at"])
    arrived = arrived.assign(week=start_of(moscow_day(arrived["delivered_at"]), "week"))
    rows: list[Row] = []
    for some in (arrived, arrived.assign(channel="all")):
        counts = some.groupby(["channel", "week", "customer"]).size()
        for (channel, week), of_customers in counts.groupby(["channel", "week"]):
            over = int((of_customers > CAP).sum())
            rows.append(
                {
                    "channel": channel,
                    "week_start": week.date(),
                    "customers": len(of_customers),
                    "messages": int(of_customers.sum()),
                    "customers_over_cap": over,
                    "most_messages": int(of_customers.max()),
                    "messages_per_week": rate(of_customers.sum(), len(of_customers)),
                    "share_over_cap": rate(over, len(of_customers)),
                }
            )
    return rows


def campaign_acquisition(facts: Facts) -> list[Row]:
    """Whom campaigns of messages won, and at what cost."""
    sent = facts.messages.dropna(subset="sent_at")
    firsts = facts.orders[facts.orders["paid_number"] == 1].dropna(subset="customer")
    firsts = firsts.set_index("customer")["ordered_at"]
    first_at = sent["customer"].map(firsts)
    in_window = first_at - sent["clicked_at"] <= pd.to_timedelta(
        sent["channel"].map(windows()), unit="D"
    )
    won = (first_at > sent["sent_at"]) & (first_at >= sent["clicked_at"]) & in_window
    costs = facts.costs.groupby(["channel", "campaign_id"])["amount"].sum()
    rows: list[Row] = []
    for (channel, campaign), some in sent.assign(
        winner=sent["customer"].where(won)
    ).groupby(["channel", "campaign_id"]):
        acquired = some["winner"].nunique()
        delivered = int(some["delivered_at"].notna().sum())
        opened = int(some["opened_at"].notna().sum())
        clicked = int(some["clicked_at"].notna().sum())
        cost = costs.get((channel, campaign))
        rows.append(
            {
                "channel": channel,
                "campaign_id": campaign,
                "first_sent_on": moscow_day(some["sent_at"]).min().date(),
                "sent": len(some),
                "delivered": delivered,
                "opened": opened,
                "clicked": clicked,
                "acquired_customers": acquired,
                "cost": money(cost),
                "cac": money(cost, acquired),
                "cost_per_delivered": money(cost, delivered),
                "acquisition_rate_sent": rate(acquired, len(some)),
                "acquisition_rate_delivered": rate(acquired, delivered),
                "acquisition_rate_clicked": rate(acquired, clicked),
                "delivery_rate": rate(delivered, len(some)),
                "open_rate": rate(opened, delivered),
                "click_rate": rate(clicked, delivered),
            }
        )
    return rows


def funnels(facts: Facts) -> list[Row]:
    """How far devices get on the site, and messages, by month."""
    return [*_site_funnel(facts), *_message_funnel(facts)]


SITE_STEPS = {
    "visit": lambda events: events["event"].notna(),
    "product": lambda events: (
        (events["event"] == "page_view") & events["url"].str.contains("/p/.")
    ),
    "cart": lambda events: events["event"] == "add_to_cart",
    "checkout": lambda events: events["event"] == "checkout",
    "paid": lambda events: events["event"] == "purchase",
}


def _site_funnel(facts: Facts) -> list[Row]:
    events = facts.events.assign(
        month=start_of(moscow_day(facts.events["happened_at"]), "month")
    )
    reached: dict[pd.Timestamp, list[int]] = defaultdict(list)
    for month, of_month in events.groupby("month"):
        since = pd.Series(dtype="datetime64[us]")
        for number, step in enumerate(SITE_STEPS.values()):
            some = of_month[step(of_month)]
            if number:
                before = some["visitor_id"].map(since)
                some = some[before.notna() & (some["happened_at"] >= before)]
            since = some.groupby("visitor_id")["happened_at"].min()
            reached[month].append(len(since))
    return [
        row
        for month, counts in reached.items()
        for row in _steps("site", "site", month, list(SITE_STEPS), counts)
    ]


def _message_funnel(facts: Facts) -> list[Row]:
    sent = facts.messages.dropna(subset="sent_at")
    month = start_of(moscow_day(sent["sent_at"]), "month")
    # A click opens, whatever the proxy of the mail service did before.
    sent = sent.assign(opened_at=sent[["opened_at", "clicked_at"]].min(axis=1))
    orders = facts.orders[facts.orders["is_paid"]].dropna(subset="customer")
    pairs = (
        sent.dropna(subset=["clicked_at", "customer"])
        .reset_index()
        .merge(orders[["customer", "ordered_at"]], on="customer")
    )
    after = pairs["ordered_at"] - pairs["clicked_at"]
    days = pd.to_timedelta(pairs["channel"].map(windows()), unit="D")
    ordered = pairs.loc[(after >= pd.Timedelta(0)) & (after <= days), "index"]
    is_ordered = sent.index.isin(ordered)
    rows: list[Row] = []
    for (channel, start), some in sent.assign(is_ordered=is_ordered).groupby(
        [sent["channel"], month]
    ):
        remaining, counts = pd.Series(True, index=some.index), []
        for column in MESSAGE_STEPS:
            remaining &= some[column].notna()
            counts.append(int(remaining.sum()))
        counts.append(int((remaining & some["is_ordered"]).sum()))
        names = ["sent", "delivered", "opened", "clicked", "ordered"]
        rows += _steps("messages", channel, start, names, counts)
    return rows


def _steps(
    funnel: str, member: str, month: pd.Timestamp, names: list[str], counts: list[int]
) -> list[Row]:
    return [
        {
            "funnel": funnel,
            "member": member,
            "month_start": month.date(),
            "step_number": number + 1,
            "step": name,
            "reached": count,
            "conversion_rate": rate(count, counts[0]),
            "step_conversion_rate": rate(count, counts[number - 1]) if number else None,
        }
        for number, (name, count) in enumerate(zip(names, counts, strict=True))
    ]
