"""The simulated company's channels and site agree with its people, orders and costs."""

from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.lib.simulate import DefectRates, SimulatedCompany, simulate
from tests.unit.test_simulate import Row, in_snake_case, rows_by_line, rows_of, unix

ACTIVITY = "mailchimp/campaign_activity.jsonl"
PROFILES = "klaviyo/profiles.csv"
KLAVIYO_EVENTS = "klaviyo/events.jsonl"
CONTACTS = "unisender/contacts.csv"
REPORTS = "unisender/deliveries.csv"
LOG = "messaging/deliveries.csv"
PAGE_VIEWS = "site/page_views.csv"
GA4_EVENTS = "ga4/events.jsonl"
FILES = (
    ACTIVITY, PROFILES, KLAVIYO_EVENTS, CONTACTS, REPORTS, LOG, PAGE_VIEWS, GA4_EVENTS,
)  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A company with every system and without a single defect."""
    out = tmp_path_factory.mktemp("clean") / "company"
    return simulate(out, customers=800, rates=DefectRates.none(), every_system=True)


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """The same company with every kind of defect in plenty."""
    out = tmp_path_factory.mktemp("dirty") / "company"
    return simulate(
        out, customers=800, rates=DefectRates.all(0.05), every_system=True, threads=3
    )


@pytest.fixture(scope="module")
def consents(clean: SimulatedCompany) -> dict[str, Row]:
    """The truth about every mailbox that ever opted in."""
    return {row["email"]: row for row in rows_of(clean, "truth/consents.csv")}


# Defects


def test_the_same_arguments_give_the_same_bytes_on_any_number_of_threads(
    dirty: SimulatedCompany, tmp_path: Path
) -> None:
    again = simulate(
        tmp_path / "company",
        customers=800,
        rates=DefectRates.all(0.05),
        every_system=True,
        threads=1,
    )

    for name in FILES:
        assert again.paths[name].read_bytes() == dirty.paths[name].read_bytes(), name


def test_a_clean_company_has_clean_channels(clean: SimulatedCompany) -> None:
    assert rows_of(clean, "truth/defects.csv") == []
    assert all(rows_of(clean, name) for name in FILES)


def test_undoing_the_recorded_defects_gives_the_clean_channels(
    clean: SimulatedCompany, dirty: SimulatedCompany
) -> None:
    """Tenge touch the cost beside them, which the truth does not say."""
    defects = defaultdict(list)
    for defect in rows_of(dirty, "truth/defects.csv"):
        defects[defect["file_name"]].append(defect)

    for name in FILES:
        rows = rows_by_line(dirty, name)
        assert defects[name]
        for defect in defects[name]:
            line = int(defect["line"])
            if defect["rule"] == "exact_duplicate":
                assert (
                    rows.pop(line)
                    == rows_by_line(dirty, name)[int(defect["true_value"])]
                )
                continue
            [header] = [
                each
                for each in rows[line]
                if in_snake_case(each) == defect["column_name"]
            ]
            assert rows[line][header] == defect["delivered_value"]
            rows[line][header] = defect["true_value"]
            if defect["rule"] == "currency_without_rate":
                cost = Decimal(rows[line]["Cost"]) / 6
                rows[line]["Cost"] = f"{cost:.4f}"
        assert list(rows.values()) == rows_of(clean, name), name


# E-mail


def test_klaviyo_and_unisender_say_of_consent_what_is_true(
    clean: SimulatedCompany, consents: dict[str, Row]
) -> None:
    seen = Counter()
    for profile in rows_of(clean, PROFILES):
        truth = consents.get(profile["Email"].lower())
        consent = profile["Email Marketing Consent"]
        seen[consent] += 1
        if consent == "NEVER_SUBSCRIBED":
            assert truth is None
        elif consent == "UNSUBSCRIBED":
            assert truth and truth["is_granted"] == "false"
            at = profile["Email Marketing Consent Timestamp"]
            assert at == truth["decided_at"]
        else:
            assert truth
    for contact in rows_of(clean, CONTACTS):
        truth = consents.get(contact["email"])
        seen[contact["email_status"]] += 1
        if contact["email_status"] in ("new", "inactive"):
            assert truth is None
        elif contact["email_status"] == "unsubscribed":
            assert truth and truth["is_granted"] == "false"
        else:
            assert truth

    assert seen.keys() == {
        "SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED",
        "active", "unsubscribed", "blocked", "new", "inactive",
    }  # fmt: skip


def test_who_left_is_sent_nothing_more_by_klaviyo_unisender_or_mailchimp(
    clean: SimulatedCompany, consents: dict[str, Row]
) -> None:
    left = {
        email: unix(truth["decided_at"])
        for email, truth in consents.items()
        if truth["is_granted"] == "false"
    }
    emails = {
        profile["Klaviyo ID"]: profile["Email"].lower()
        for profile in rows_of(clean, PROFILES)
    }

    for event in rows_of(clean, KLAVIYO_EVENTS):
        email = emails[event["person"]["id"]]
        if event["event_name"] == "Unsubscribed":
            assert event["timestamp"] == left[email]
        elif event["event_name"] != "Placed Order":
            assert event["timestamp"] < left.get(email, float("inf"))
    for report in rows_of(clean, REPORTS):
        if report["send_result"] == "ok_unsubscribed":
            assert unix(report["last_update"]) == left[report["email"]]
        elif report["send_result"].startswith("ok_"):
            assert unix(report["last_update"]) < left.get(report["email"], float("inf"))
    for act in rows_of(clean, ACTIVITY):
        at = unix(act["timestamp"].removesuffix("+00:00"))
        assert at < left.get(act["email_address"], float("inf"))


def test_no_message_is_told_by_two_systems(clean: SimulatedCompany) -> None:
    newsletters = {
        event["campaign_id"] for event in rows_of(clean, "sendgrid/events.json")
    }
    others = {act["campaign_id"] for act in rows_of(clean, ACTIVITY)} | {
        report["campaign_id"] for report in rows_of(clean, REPORTS)
    }

    assert newsletters and others
    assert not newsletters & others


# Text messages and messengers


def test_text_messages_cost_what_their_campaign_cost(clean: SimulatedCompany) -> None:
    charged: Counter[str] = Counter()
    for event in rows_of(clean, LOG):
        if event["Channel"] == "sms" and event["Event"] == "sent":
            charged[event["Campaign"]] += Decimal(event["Cost"])
    spent = {
        row["Campaign"]: Decimal(row["Amount"])
        for row in rows_of(clean, "ads/campaign_costs.csv")
    }

    assert len(charged) == 6
    for campaign, cost in charged.items():
        assert abs(cost - spent[campaign]) < Decimal("0.1")


def test_who_says_stop_is_not_written_to_again_on_the_channel(
    clean: SimulatedCompany,
) -> None:
    stopped = {
        (event["Channel"], event["Phone"], event["Recipient ID"]): event["Event time"]
        for event in rows_of(clean, LOG)
        if event["Event"] == "stopped"
    }

    assert {channel for channel, *_ in stopped} >= {"sms", "viber"}
    for event in rows_of(clean, LOG):
        recipient = (event["Channel"], event["Phone"], event["Recipient ID"])
        if event["Event"] == "sent" and recipient in stopped:
            assert event["Event time"] < stopped[recipient]


def test_every_channel_delivers_and_fails(clean: SimulatedCompany) -> None:
    events = defaultdict(set)
    for event in rows_of(clean, LOG):
        events[event["Channel"]].add(event["Event"])
        assert bool(event["Phone"]) != bool(event["Recipient ID"])
        assert bool(event["Error code"]) == (
            event["Event"] in ("failed", "undelivered")
        )

    assert events.keys() == {
        "sms", "push", "web_push", "whatsapp", "viber", "telegram", "chat_bot",
    }  # fmt: skip
    assert events["sms"] == {
        "sent", "delivered", "undelivered", "clicked", "replied", "stopped",
    }  # fmt: skip


# Site and app


def test_orders_of_the_last_90_days_were_placed_on_the_site(
    clean: SimulatedCompany,
) -> None:
    orders = {
        row["name"]: unix(row["ordered_at"])
        for row in rows_of(clean, "truth/orders.csv")
    }
    placed = {
        event["Order number"]: event["Event time"]
        for event in rows_of(clean, PAGE_VIEWS)
        if event["Event"] == "purchase"
    }
    seen = {
        event["ecommerce"]["transaction_id"]: int(event["event_timestamp"]) // 1000000
        for event in rows_of(clean, GA4_EVENTS)
        if event["event_name"] == "purchase"
    }

    first_at = min(orders[number] for number in placed)
    assert placed.keys() == {number for number, at in orders.items() if at >= first_at}
    assert 0.6 < len(seen) / len(placed) < 0.95
    assert all(orders[number] == at for number, at in seen.items())


def test_consents_given_on_the_site_are_true(
    clean: SimulatedCompany, consents: dict[str, Row]
) -> None:
    forms = [row for row in rows_of(clean, PAGE_VIEWS) if row["Consent"]]

    assert forms
    for form in forms:
        truth = consents[form["Email"]]
        at = unix(form["Event time"].removesuffix("+03:00")) - 3 * 3600
        if truth["is_granted"] == "true":
            assert at == unix(truth["decided_at"])
        else:
            assert at < unix(truth["decided_at"])
