"""The net promoter score and the loyalty programme."""

from decimal import Decimal
from math import sqrt
from typing import Any

import pandas as pd

from tests.truth.arithmetic import (
    GRAINS,
    money,
    periods,
    rate,
    ratio,
    rounded,
    start_of,
)
from tests.truth.company import CUTOFF
from tests.truth.facts import Facts, moscow_day

Row = dict[str, Any]


def nps(facts: Facts) -> list[Row]:
    """The score by touchpoint and period: the latest answer of a customer counts."""
    answers = facts.answers.assign(
        day=moscow_day(facts.answers["responded_at"]),
        customer=facts.answers["customer"].fillna(facts.answers["response_id"]),
    ).sort_values(["responded_at", "response_id"])
    members = pd.concat(
        [
            answers.assign(dimension="company", member="company"),
            answers.assign(
                dimension="touchpoint", member=answers["touchpoint"].str.lower()
            ),
        ]
    )
    rows: list[Row] = []
    for grain in GRAINS[1:]:
        keyed = members.assign(start=start_of(members["day"], grain))
        latest = keyed.drop_duplicates(
            ["dimension", "member", "start", "customer"], keep="last"
        )
        for (dimension, member, start), some in latest.groupby(
            ["dimension", "member", "start"]
        ):
            count = len(some)
            promoters = int((some["score"] >= 9).sum())
            detractors = int((some["score"] <= 6).sum())
            score = ratio(100 * (promoters - detractors), count)
            assert score is not None
            mean = float(score) / 100
            error = sqrt(((promoters + detractors) / count - mean**2) / count)
            rows.append(
                {
                    "dimension": dimension,
                    "member": member,
                    "period_grain": grain,
                    "period_start": start.date(),
                    "responses": count,
                    "promoters": promoters,
                    "passives": count - promoters - detractors,
                    "detractors": detractors,
                    "nps": rounded(score, 6),
                    "nps_low": Decimal(f"{max(100 * (mean - 1.96 * error), -100):.6f}"),
                    "nps_high": Decimal(f"{min(100 * (mean + 1.96 * error), 100):.6f}"),
                    "nps_band": "urgent"
                    if score < 0
                    else "mobilise"
                    if score < 30
                    else "fair"
                    if score <= 50
                    else "good",
                }
            )
    return rows


def kpi_loyalty(facts: Facts) -> list[Row]:
    """The programme beside everybody else, by period."""
    operations = facts.card_operations.dropna(subset="customer")
    operations = operations.assign(day=moscow_day(operations["happened_at"]))
    joined = operations.groupby("customer")["day"].min()
    used = operations[operations["operation"] != "Сгорание"]
    left = used.groupby("customer")["day"].max() + pd.Timedelta(days=CUTOFF + 1)
    left = left[left <= facts.as_of]

    orders = facts.orders[facts.orders["is_paid"]].dropna(subset="customer")
    days = orders["ordered_on"]
    is_member = (days >= _of(joined, orders)) & ~(days >= _of(left, orders))
    first = min(facts.orders["ordered_on"].tolist() + facts.costs["spent_on"].tolist())
    rows: list[Row] = []
    for grain in GRAINS[1:]:
        starts = start_of(orders["ordered_on"], grain)
        for start, end in periods(first, facts.as_of, grain).itertuples(index=False):
            row: Row = {
                "period_grain": grain,
                "period_start": start.date(),
                "members": int((joined <= end).sum() - (left <= end).sum()),
                "joins": int(joined.between(start, end).sum()),
                "leaves": int(left.between(start, end).sum()),
            }
            for who, some in (
                ("member", orders[is_member & (starts == start)]),
                ("other", orders[~is_member & (starts == start)]),
            ):
                buyers, net = some["customer"].nunique(), int(some["net"].sum())
                row |= {
                    f"{who}_orders": len(some),
                    f"{who}_buyers": buyers,
                    f"{who}_revenue": money(net),
                    f"{who}_aov": money(net, int((some["net"] > 0).sum())),
                    f"{who}_purchase_frequency": rate(len(some), buyers),
                }
            rows.append(row)
    return rows


def _of(days: pd.Series, orders: pd.DataFrame) -> pd.Series:
    """Days of customers by order."""
    return pd.to_datetime(orders["customer"].map(days.to_dict()))
