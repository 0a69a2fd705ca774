"""What really happened in a simulated company, as frames with a customer each.

Amounts are whole millionths of a rouble: kopecks times a rate of four digits are exact.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pandas as pd

from orchestration.settings import PROJECT
from tests.support import rows

MICRO = 1_000_000
PAID = ["paid", "fulfilled", "partially_refunded", "refunded"]

#: How the log of messages names what seeds/channels.csv calls by fewer names.
CHANNELS = {
    "web_push": "push",
    "whatsapp": "messenger",
    "viber": "messenger",
    "telegram": "messenger",
    "chat_bot": "messenger",
}


@dataclass(frozen=True)
class Identity:
    """Which customer a run took a person, a contact point or a device for."""

    records: pd.Series
    """Customers by source, export and record id."""

    contacts: pd.Series
    """Customers by address or number; of several, who is written to there."""

    devices: pd.Series
    """Customers by visitor id of the site."""


@dataclass(frozen=True)
class Facts:
    """Everything that the metrics are about. `customer` is null for nobody known."""

    as_of: pd.Timestamp
    orders: pd.DataFrame
    """Their `paid_number` counts the paid orders of a customer."""

    messages: pd.DataFrame
    costs: pd.DataFrame
    events: pd.DataFrame
    answers: pd.DataFrame
    card_operations: pd.DataFrame
    consents: pd.DataFrame
    countries: pd.Series
    """Countries by customer."""

    customers: pd.Index
    """Everybody of whom there is a record."""


def read_identity(home: Path) -> Identity:
    """The customers that a run made of records."""
    records = pd.DataFrame(
        rows(home / "warehouse.duckdb", "from identity.customer_ids"),
        columns=["source", "export", "record_id", "customer"],
    )
    identifiers = pd.DataFrame(
        rows(
            home / "marts.duckdb",
            "select identifier_type, identifier_value, customer_id, record_count,"
            " first_seen_at"
            " from customer_identifiers"
            " where identifier_type in ('email', 'phone', 'client_id')",
        ),
        columns=["kind", "value", "customer", "records", "first_seen_at"],
    )
    owners = (
        identifiers.sort_values(
            ["records", "first_seen_at", "customer"], ascending=[False, True, True]
        )
        .drop_duplicates(["kind", "value"])
        .set_index("value")
    )
    devices = owners[owners["kind"] == "client_id"]["customer"]
    return Identity(
        records=records.set_index(["source", "export", "record_id"])["customer"],
        contacts=owners[owners["kind"] != "client_id"]["customer"],
        devices=devices.set_axis(devices.index.str.removeprefix("site:")),
    )


def read_facts(
    company: Path,
    identity: Identity | None = None,
    lost: frozenset[str] = frozenset(),
) -> Facts:
    """The truth below `company`, but for the `lost` orders, by their ids.

    Customers are those of `identity`, people as they are without one.
    """

    def read(name: str) -> pd.DataFrame:
        return pd.read_csv(company / "truth" / f"{name}.csv", dtype="string")

    def customers(
        frame: pd.DataFrame, known: Callable[[Identity], pd.Series]
    ) -> pd.Series:
        return frame["person_id"] if identity is None else known(identity)

    def of_records(source: str, export: str, ids: pd.Series) -> pd.Series:
        assert identity is not None
        keys = pd.MultiIndex.from_product([[source], [export], ids])
        return pd.Series(identity.records.reindex(keys).to_numpy(), index=ids.index)

    end_on = json.loads((company / "truth" / "simulation.json").read_text())["end_on"]

    orders = _orders(read)
    orders = orders[~orders["order_id"].isin(lost)].reset_index(drop=True)
    orders["customer"] = customers(
        orders, lambda _: of_records("shopify", "orders", orders["order_id"])
    )
    paid = orders[orders["is_paid"]].sort_values(["ordered_at", "order_id"])
    orders["paid_number"] = paid.groupby("customer").cumcount() + 1
    if not (company / "shopify" / "products.csv").exists():
        orders["margin"] = pd.NA

    messages = _messages(read)
    messages["customer"] = customers(
        messages, lambda known: messages["contact_point"].map(known.contacts)
    )

    events = read("site_events").assign(
        happened_at=lambda frame: pd.to_datetime(frame["happened_at"]),
        step=lambda frame: frame["step"].astype("int64"),
    )
    events["customer"] = customers(
        events, lambda known: events["visitor_id"].map(known.devices)
    )

    answers = read("nps_answers").assign(
        responded_at=lambda frame: pd.to_datetime(frame["responded_at"]),
        score=lambda frame: frame["score"].astype("int64"),
    )
    answers["customer"] = customers(
        answers,
        lambda _: of_records("surveys", "nps_responses", answers["response_id"]),
    )

    operations = read("card_operations").assign(
        happened_at=lambda frame: pd.to_datetime(frame["happened_at"])
    )
    cards = operations["card_number"].map(
        lambda card: sha256(card.encode()).hexdigest()
    )
    operations["customer"] = customers(
        operations, lambda _: of_records("loyalty", "ledger", cards)
    )

    consents = read("consents")
    consents["customer"] = customers(
        consents, lambda known: consents["email"].map(known.contacts)
    )

    people, records = read("people"), read("records")
    if identity is None:
        records["customer"] = records["person_id"]
    else:
        records["export"] = records["export"].str.replace(
            "^.*_members$", "members", regex=True
        )
        keys = pd.MultiIndex.from_frame(records[["source", "export", "record_id"]])
        records["customer"] = identity.records.reindex(keys).to_numpy()
    records = records.dropna(subset="customer")
    tells_country = records["source"].isin(["hubspot", "shopify", "mailchimp"])
    return Facts(
        as_of=pd.Timestamp(end_on),
        orders=orders,
        messages=messages,
        costs=_costs(read, messages),
        events=events,
        answers=answers,
        card_operations=operations,
        consents=consents,
        countries=records[tells_country]
        .assign(
            country=records["person_id"].map(people.set_index("person_id")["country"])
        )
        .drop_duplicates("customer")
        .set_index("customer")["country"],
        customers=pd.Index(records["customer"].unique()),
    )


def moscow_day(instants: pd.Series) -> pd.Series:
    """The days of instants in UTC, in Moscow."""
    return (
        instants.dt.tz_localize("UTC")
        .dt.tz_convert("Europe/Moscow")
        .dt.tz_localize(None)
        .dt.normalize()
    )


def _orders(read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    orders = read("orders").assign(
        ordered_at=lambda frame: pd.to_datetime(frame["ordered_at"]),
        ordered_on=lambda frame: moscow_day(frame["ordered_at"]),
        is_paid=lambda frame: frame["status"].isin(PAID),
        offer=lambda frame: frame["discount_code"].fillna("none"),
    )
    rates = _rates(orders["currency"], orders["ordered_on"])
    for column in ("gross", "discount", "net"):
        orders[column] = _units(orders[f"{column}_amount"], 100) * rates

    costs = _units(read("products").set_index("sku")["cost_rub"], MICRO)
    lines = read("order_lines")
    goods = lines["quantity"].astype("int64") * lines["sku"].map(costs)
    goods = goods.groupby(lines["order_id"]).sum()
    orders["margin"] = orders["net"] - orders["order_id"].map(goods)
    return orders


def _messages(read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """Messages by when what became of them: who answers has clicked and so opened."""
    messages = read("messages").assign(
        channel=lambda frame: frame["channel"].replace(CHANNELS)
    )
    for column in [name for name in messages if name.endswith("_at")]:
        messages[column] = pd.to_datetime(messages[column])
    messages["clicked_at"] = messages[["clicked_at", "replied_at"]].min(axis=1)
    by_human = messages["opened_at"].where(messages["is_opened_by_proxy"] != "true")
    is_log = messages["source"] == "messaging"
    messages["opened_at"] = by_human.where(
        ~is_log, pd.concat([by_human, messages["clicked_at"]], axis=1).min(axis=1)
    )
    return messages


def _costs(read: Callable[[str], pd.DataFrame], messages: pd.DataFrame) -> pd.DataFrame:
    """Costs by day, channel and campaign: charges of messages, else the spreadsheet."""
    columns = ["spent_on", "channel", "campaign_id", "currency"]
    charged = messages.dropna(subset="cost").assign(
        spent_on=lambda frame: moscow_day(frame["sent_at"]),
        amount=lambda frame: _units(frame["cost"], 10_000),
    )
    charged = charged.groupby(columns, as_index=False)["amount"].sum()
    spent = read("costs").rename(columns={"campaign": "campaign_id"})
    spent = spent.assign(
        spent_on=pd.to_datetime(spent["spent_on"]),
        amount=_units(spent["amount"], 10_000),
    )
    is_charged = pd.MultiIndex.from_frame(spent[["channel", "campaign_id"]]).isin(
        pd.MultiIndex.from_frame(charged[["channel", "campaign_id"]])
    )
    costs = pd.concat([charged, spent[~is_charged]], ignore_index=True)
    exact = costs["amount"] * _rates(costs["currency"], costs["spent_on"])
    return costs.assign(amount=(exact + 50) // 100)


def _units(amounts: pd.Series, unit: int) -> pd.Series:
    """Decimal texts as whole multiples of a fraction, exactly; null where empty."""

    def whole(text: str) -> int:
        digits = len(str(unit)) - 1
        before, _, after = text.partition(".")
        assert len(after.rstrip("0")) <= digits, text
        return int(before + after.rstrip("0").ljust(digits, "0"))

    return amounts.map(whole, na_action="ignore").astype("Int64")


def _rates(currencies: pd.Series, days: pd.Series) -> pd.Series:
    """Roubles for one unit of the currency on the day, times ten thousand."""
    seed = pd.read_csv(PROJECT / "seeds" / "fx_rates.csv", dtype="string")
    assert (seed["quote_currency"] == "RUB").all()
    seed = seed.assign(
        rate_on=pd.to_datetime(seed["rate_on"]), rate=_units(seed["rate"], 10_000)
    ).sort_values("rate_on")
    wanted = pd.DataFrame({"currency": currencies, "rate_on": days}).sort_values(
        "rate_on"
    )
    found = pd.merge_asof(
        wanted.reset_index(), seed, on="rate_on", by="currency"
    ).set_index("index")["rate"]
    return found.where(wanted["currency"] != "RUB", 10_000).reindex(currencies.index)
