"""Customers by what they bought: scores, segments and cohorts."""

from typing import Any

import pandas as pd

from tests.truth.arithmetic import money, periods, rate, start_of
from tests.truth.facts import Facts
from tests.truth.journeys import first_channels

NEW_DAYS, ACTIVE_DAYS, LAPSING_DAYS = 30, 90, 180
SUNSET_MESSAGES, SUNSET_DAYS = 6, 365


def scores(facts: Facts) -> pd.DataFrame:
    """Recency, frequency and revenue of every customer with a paid order."""
    known = facts.orders[facts.orders["is_paid"]].dropna(subset="customer")
    found = known.groupby("customer").agg(
        frequency=("order_id", "count"),
        monetary=("net", "sum"),
        first_order_on=("ordered_on", "min"),
        last_order_on=("ordered_on", "max"),
    )
    found["recency_days"] = (facts.as_of - found["last_order_on"]).dt.days
    age = (facts.as_of - found["first_order_on"]).dt.days
    found["lifecycle_stage"] = "lapsed"
    found.loc[found["recency_days"] <= LAPSING_DAYS, "lifecycle_stage"] = "lapsing"
    found.loc[found["recency_days"] <= ACTIVE_DAYS, "lifecycle_stage"] = "active"
    found.loc[age <= NEW_DAYS, "lifecycle_stage"] = "new"
    found["recency_score"] = _quintile(-found["recency_days"])
    found["frequency_score"] = _quintile(found["frequency"])
    found["monetary_score"] = _quintile(found["monetary"])
    return found.reset_index()


def _quintile(values: pd.Series) -> pd.Series:
    """1 to 5 by the share of customers below; equal values score alike."""
    below = values.rank(method="min") - 1
    return (5 * below // len(values) + 1).astype("int64")


def segments(facts: Facts) -> pd.DataFrame:
    """Segments of customers with the day of entry."""
    scored = scores(facts)
    days = facts.orders[facts.orders["is_paid"]].dropna(subset="customer")
    days = days.sort_values(["customer", "ordered_on"])
    pause = days.groupby("customer")["ordered_on"].diff().dt.days
    # Who orders on the day of lapsing has not lapsed.
    since = days[~(pause <= ACTIVE_DAYS + 1)].groupby("customer")["ordered_on"].max()
    no_longer_new = scored["first_order_on"] + pd.Timedelta(days=NEW_DAYS + 1)
    active_since = scored["customer"].map(since).clip(lower=no_longer_new)

    staged = scored.assign(
        segment=scored["lifecycle_stage"],
        entered_on=scored["first_order_on"]
        .where(scored["lifecycle_stage"] != "active", active_since)
        .where(
            scored["lifecycle_stage"] != "lapsing",
            scored["last_order_on"] + pd.Timedelta(days=ACTIVE_DAYS + 1),
        )
        .where(
            scored["lifecycle_stage"] != "lapsed",
            scored["last_order_on"] + pd.Timedelta(days=LAPSING_DAYS + 1),
        ),
    )
    marks = scored[["recency_score", "frequency_score", "monetary_score"]]
    best = scored[(marks >= 4).all(axis=1)]
    champions = best.assign(segment="champions", entered_on=best["last_order_on"])
    return pd.concat([staged, champions])[["segment", "customer", "entered_on"]]


def rfm(facts: Facts) -> list[dict[str, Any]]:
    """The scores as rows."""
    return [
        row | {"monetary_amount": money(row.pop("monetary"))}
        for row in _rows(scores(facts))
    ]


def segment_members(facts: Facts) -> list[dict[str, Any]]:
    """The segments as rows."""
    return _rows(segments(facts))


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    named = frame.rename(columns={"customer": "customer_id"})
    return [
        {
            name: value.date() if isinstance(value, pd.Timestamp) else value
            for name, value in row.items()
        }
        for row in named.to_dict("records")
    ]


def cohort_retention(facts: Facts) -> list[dict[str, Any]]:
    """Cohorts of the company."""
    everybody = pd.Series("company", index=scores(facts)["customer"])
    rows = cohorts(facts, everybody)
    return [{name: row[name] for name in row if name != "member"} for row in rows]


def cohort_dimensions(facts: Facts) -> list[dict[str, Any]]:
    """Cohorts by how customers came and where they are."""
    buyers = scores(facts)["customer"]
    dimensions = {
        "first_source": pd.Series("shopify", index=buyers),
        "first_channel": first_channels(facts),
        "country": facts.countries.reindex(buyers).fillna("unknown"),
        "segment": segments(facts).set_index("customer")["segment"],
    }
    return [
        {"dimension": dimension} | row
        for dimension, members in dimensions.items()
        for row in cohorts(facts, members)
    ]


def cohorts(facts: Facts, members: pd.Series) -> list[dict[str, Any]]:
    """Cohorts of customers by month of first paid order and by member.

    `members` are members of a dimension by customer, some of them several times.
    """
    known = facts.orders[facts.orders["is_paid"]].dropna(subset="customer")
    known = known.assign(month=start_of(known["ordered_on"], "month"))
    firsts = known.groupby("customer")["month"].min().rename("cohort")
    known = known.join(firsts, on="customer").merge(
        members.rename("member").rename_axis("customer").reset_index(), on="customer"
    )
    rows: list[dict[str, Any]] = []
    for (member, cohort), orders in known.groupby(["member", "cohort"]):
        size = orders["customer"].nunique()
        months = periods(firsts.min(), facts.as_of, "month")["start"]
        number_of_months = len(months)
        first_net = to_date = None
        for number, start in enumerate(
            pd.date_range(cohort, periods=number_of_months, freq="MS")
        ):
            key = {
                "member": member,
                "cohort_month": cohort.date(),
                "month_number": number,
                "cohort_size": size,
            }
            if start > facts.as_of:
                rows.append(key | dict.fromkeys(COHORT_FIGURES))
                continue
            some = orders[orders["month"] == start]
            net = int(some["net"].sum())
            first_net = net if first_net is None else first_net
            to_date = net + (to_date or 0)
            buyers = some["customer"].nunique()
            rows.append(
                key
                | {
                    "buyers": buyers,
                    "orders": len(some),
                    "retention_rate": rate(buyers, size),
                    "net_revenue": money(net),
                    "revenue_retention_rate": rate(net, first_net),
                    "revenue_to_date": money(to_date),
                    "revenue_per_customer": money(to_date, size),
                }
            )
    return rows


COHORT_FIGURES = [
    "buyers", "orders", "retention_rate", "net_revenue", "revenue_retention_rate",
    "revenue_to_date", "revenue_per_customer",
]  # fmt: skip


def customer_360(facts: Facts) -> list[dict[str, Any]]:
    """What every customer bought, got and did, at a glance."""
    bought = scores(facts).set_index("customer")
    sent = facts.messages.dropna(subset=["sent_at", "customer"])
    # The profile tells of e-mails.
    sent = sent[sent["channel"] == "email"]
    messages = sent.groupby("customer").agg(
        message_count=("message_id", "count"),
        last_opened_at=("opened_at", "max"),
        last_clicked_at=("clicked_at", "max"),
    )
    profiles = pd.DataFrame(index=facts.customers).join(bought).join(messages)
    return [
        {
            "customer_id": customer,
            "country": facts.countries.get(customer),
            "paid_order_count": _count(profile["frequency"]),
            "revenue_to_date": money(_count(profile["monetary"])),
            "first_order_on": _day(profile["first_order_on"]),
            "last_order_on": _day(profile["last_order_on"]),
            "lifecycle_stage": _known(profile["lifecycle_stage"]) or "prospect",
            "message_count": _count(profile["message_count"]),
            "last_opened_at": _moment(profile["last_opened_at"]),
            "last_clicked_at": _moment(profile["last_clicked_at"]),
        }
        for customer, profile in profiles.to_dict("index").items()
    ]


def _known(value: Any) -> Any:
    return None if pd.isna(value) else value


def _count(value: Any) -> int:
    return int(_known(value) or 0)


def _day(value: Any) -> Any:
    return None if pd.isna(value) else value.date()


def _moment(value: Any) -> Any:
    return None if pd.isna(value) else value.to_pydatetime()


def reachable_by_email(facts: Facts) -> int:
    """Customers at one of whose addresses mail is welcome, arrives and is answered."""
    sent = facts.messages[facts.messages["source"] == "sendgrid"]
    bounced = sent[sent["sent_at"].notna() & sent["delivered_at"].isna()]
    consents = facts.consents.dropna(subset="customer")
    complained = consents[consents["how"] == "complaint"]
    good = consents[
        (consents["is_granted"] == "true")
        & ~consents["email"].isin(bounced["contact_point"])
        & ~consents["customer"].isin(complained["customer"])
        & ~consents["customer"].isin(_unresponsive(facts))
    ]
    return int(good["customer"].nunique())


def _unresponsive(facts: Facts) -> pd.Index:
    """Who answered so many e-mails in a row with nothing, for so many days."""
    got = facts.messages[facts.messages["channel"] == "email"].dropna(
        subset=["delivered_at", "customer"]
    )
    answers = pd.concat(
        [
            got[["customer"]].assign(at=got["opened_at"]),
            got[["customer"]].assign(at=got["clicked_at"]),
            facts.orders[["customer"]].assign(at=facts.orders["ordered_at"]),
        ]
    )
    last_answer = answers.groupby("customer")["at"].max()
    since = got["customer"].map(last_answer)
    silent = got[since.isna() | (got["delivered_at"] > since)].groupby("customer")
    days = (facts.as_of - silent["delivered_at"].min()).dt.days
    return silent.size().index[
        (silent.size() >= SUNSET_MESSAGES) & (days >= SUNSET_DAYS)
    ]
