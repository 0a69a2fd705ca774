"""Mailchimp: conformance, and what is particular to it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import Answer, Batch, Row
from orchestration.lib.activation.destinations.mailchimp import (
    MailchimpDestination,
    MailchimpOptions,
)
from orchestration.lib.activation.mapping import FieldMapping, read_field
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.activation.withdrawals import EVER
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.mailchimp import Mailchimp
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Asked, Conformance, Subject, Withdraw, use
from tests.destinations.conftest import World
from tests.destinations.openapi import Checked, Document, document

KEY, LIST = "0123456789abcdef-us19", "a1b2c3d4e5"
FIELDS = {"email_address": "email", "FNAME": "first_name"}


def checked(app: Any) -> Checked:
    """The sandbox, whose talk is held against Mailchimp's document."""
    return Checked(app, _document(), prefix="/mailchimp/3.0")


def _document() -> Document:
    found = document("mailchimp_marketing_ballerina.openapi.json")
    for schema in found.content["components"]["schemas"].values():
        properties = schema.get("properties", {})
        # It calls the values of merge fields objects; its examples are texts.
        if "additionalProperties" in properties.get("merge_fields", {}):
            properties["merge_fields"]["additionalProperties"] = True
        # It leaves out a standing that Mailchimp's reference has.
        if schema.get("title") == "List Members" and "status" in properties:
            known = properties["status"]["enum"]
            properties["status"]["enum"] = sorted({*known, "archived"})
    return found


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def vendor() -> Mailchimp:
    return Mailchimp(
        KEY, [LIST], {"FNAME": "text", "ORDERS": "number", "ADDRESS": "address"}
    )


@pytest.fixture
def withdraw(vendor: Mailchimp) -> Withdraw:
    return lambda email, at: vendor.leaves(LIST, email, at=f"{at.isoformat()}+00:00")


@pytest.fixture
def url(vendor: Mailchimp, faults: Faults) -> Iterator[str]:
    app = checked(application([vendor], faults))
    with running(app) as address:
        yield f"{address}/mailchimp/3.0"
    assert app.problems == []


def mailchimp_to(url: str, key: str = KEY, **options: Any) -> MailchimpDestination:
    quick = {"timeout_seconds": 5.0, "attempts": 2, "poll_seconds": 0.0}
    return MailchimpDestination(
        "crm",
        MailchimpOptions(list_id=LIST, key_env="KEY", base_url=url, **quick | options),
        {"key_env": key},
        Path(),
    )


def subject_of(
    world: World, vendor: Mailchimp, faults: Faults, url: str, **options: Any
) -> Subject:
    use(world, mailchimp_to(url, **options), FIELDS)
    world.sync_with(batch_rows=2)
    by_tag = options.get("by_tag", False)
    return Subject(
        connect=lambda: mailchimp_to(url, **options),
        members=lambda: {
            member["email_address"].split("@")[0]: member["FNAME"]
            for member in vendor.holds()[LIST]
            if not by_tag or "winback" in member["tags"]
        },
        faults=faults,
        effects=lambda: vendor.effects,
        strange=lambda: mailchimp_to(url, "nobody-us19", **options),
    )


class TestMailchimpList(Conformance, Asked):
    @pytest.fixture
    def subject(
        self, world: World, vendor: Mailchimp, faults: Faults, url: str
    ) -> Subject:
        return subject_of(world, vendor, faults, url)


class TestMailchimpTag(Conformance):
    @pytest.fixture
    def subject(
        self, world: World, vendor: Mailchimp, faults: Faults, url: str
    ) -> Subject:
        return subject_of(world, vendor, faults, url, by_tag=True)


def key_of(email: str) -> str:
    return hashlib.md5(email.encode()).hexdigest()


def row(email: str, operation: Any = "add", **fields: Any) -> Row:
    return Row(
        operation=operation,
        customer_id=email,
        remote_key=key_of(email),
        fields=None if operation == "remove" else {"email_address": email, **fields},
        idempotency_key="k",
    )


def send(url: str, *rows: Row, **options: Any) -> dict[str, Answer]:
    destination = mailchimp_to(url, **options)
    try:
        return destination.send(
            Batch(audience="winback", mode="mirror", idempotency_key="b", rows=rows),
            lambda job: None,
        )
    finally:
        destination.close()


def test_who_unsubscribed_there_stays_unsubscribed_and_nobody_asks_again(
    world: World, vendor: Mailchimp, faults: Faults, url: str
) -> None:
    """mc-woocommerce#688: people became subscribed again by a sync."""
    subject = subject_of(world, vendor, faults, url)
    vendor.leaves(LIST, "vera@mail.ru")

    applied = world.apply(subject.connect())

    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert vendor.members[LIST][key_of("vera@mail.ru")].status == "unsubscribed"
    assert world.state("select channel, reason from suppressions") == [
        ("email", "unsubscribed")
    ]
    assert world.plan().operations == 0


def test_a_compliance_state_is_terminal_and_leaves_the_next_run_green(
    world: World, vendor: Mailchimp, faults: Faults, url: str
) -> None:
    """jethro-pmm#656: one such member kept the sync from ever going on.

    Whoever is archived after they left is new to the list, and still theirs to decide.
    """
    subject = subject_of(world, vendor, faults, url)
    vendor.leaves(LIST, "vera@mail.ru", "archived")

    world.apply(subject.connect())

    assert world.state(
        "select error_code from attempts where outcome = 'rejected'"
    ) == [("compliance_state",)]
    assert world.apply(subject.connect()).is_complete
    assert set(subject.members()) == {"anna", "boris"}


def test_no_request_ever_says_status_and_other_tags_stay(
    world: World, vendor: Mailchimp, faults: Faults, url: str
) -> None:
    """Multiwoven's Mailchimp client; `sync_tags` would wipe the rest."""
    subject = subject_of(world, vendor, faults, url, by_tag=True)
    world.apply(subject.connect())
    vendor.members[LIST][key_of("anna@mail.ru")].tags.add("vip")
    world.execute("update audience_winback set first_name = 'X'")
    world.drop("boris")

    world.apply(subject.connect())

    bodies = [body for method, _, body in vendor.requests if method == "POST"]
    members = [member for body in bodies for member in body.get("members", ())]
    assert members
    assert all("status" not in member for member in members)
    assert all("sync_tags" not in body for body in bodies)
    assert vendor.members[LIST][key_of("anna@mail.ru")].tags == {"winback", "vip"}
    boris = vendor.members[LIST][key_of("boris@mail.ru")]
    assert (boris.status, boris.tags) == ("subscribed", set())


@pytest.mark.parametrize(
    ("email", "code", "feedback"),
    [
        ("no address", "invalid_address", "invalid"),
        ("someone@example.com", "invalid_address", "invalid"),
        ("gone@mail.ru", "forgotten", "unsubscribed"),
        ("bounced@mail.ru", "cleaned", "bounced"),
    ],
)
def test_a_refused_member_is_told_by_a_code_and_spoils_nobody_else(
    vendor: Mailchimp, url: str, email: str, code: str, feedback: str
) -> None:
    vendor.forgotten.add(key_of("gone@mail.ru"))
    vendor.leaves(LIST, "bounced@mail.ru", "cleaned")

    answers = send(url, row(email), row("anna@mail.ru"))

    assert answers[key_of("anna@mail.ru")].outcome == "acknowledged"
    assert answers[key_of(email)] == Answer(
        outcome="rejected", error_code=code, feedback=feedback
    )


def test_a_refusal_without_a_known_reason_is_no_feedback(url: str) -> None:
    answers = send(url, row("anna@mail.ru", ORDERS="many"))

    assert answers[key_of("anna@mail.ru")] == Answer(
        outcome="rejected", error_code="error_generic"
    )


def test_a_null_that_is_to_clear_empties_the_merge_field(
    vendor: Mailchimp, url: str
) -> None:
    send(url, row("anna@mail.ru", FNAME="Anna", ORDERS=3))
    send(url, row("anna@mail.ru", "change", FNAME=None))

    anna = vendor.members[LIST][key_of("anna@mail.ru")]
    assert anna.merge_fields == {"FNAME": "", "ORDERS": 3}


def test_removing_who_is_not_there_or_left_by_themselves_is_no_error(
    vendor: Mailchimp, url: str
) -> None:
    send(url, row("anna@mail.ru"), row("boris@mail.ru"))
    vendor.leaves(LIST, "boris@mail.ru")

    answers = send(
        url,
        *(row(f"{name}@mail.ru", "remove") for name in ("anna", "boris", "nobody")),
    )

    assert {answer.outcome for answer in answers.values()} == {"acknowledged"}
    assert vendor.members[LIST][key_of("anna@mail.ru")].status == "archived"
    assert vendor.members[LIST][key_of("boris@mail.ru")].status == "unsubscribed"


def test_a_removal_that_did_not_happen_is_not_called_done(
    vendor: Mailchimp, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(url, row("anna@mail.ru"))
    monkeypatch.setattr(vendor, "_operate", lambda operation: False)

    answers = send(url, row("anna@mail.ru", "remove"))

    assert answers[key_of("anna@mail.ru")].error_code == "not_removed"


def test_removals_are_one_request_that_is_asked_about_until_it_ends(
    vendor: Mailchimp, url: str
) -> None:
    send(url, row("anna@mail.ru"), row("boris@mail.ru"))
    vendor.requests.clear()

    send(url, row("anna@mail.ru", "remove"), row("boris@mail.ru", "remove"))

    assert [request[:2] for request in vendor.requests] == [
        ("POST", "/3.0/batches"),
        *[("GET", "/3.0/batches/batch0")] * 4,
    ]


def test_a_batch_operation_that_goes_on_is_asked_about_by_the_next_run(
    world: World, vendor: Mailchimp, faults: Faults, url: str
) -> None:
    subject = subject_of(world, vendor, faults, url)
    world.apply(subject.connect())
    world.drop("boris")
    applied = world.apply(mailchimp_to(url, most_polls=2))
    assert applied.unknown == 1
    batches = [path for _, path, _ in vendor.requests if path == "/3.0/batches"]

    assert world.apply(subject.connect()).sent == 0

    assert world.held() == set(subject.members()) == {"anna", "vera"}
    assert [path for _, path, _ in vendor.requests if path == "/3.0/batches"] == batches


def test_a_field_that_the_list_does_not_have_stops_the_plan_before_anything_leaves(
    world: World, vendor: Mailchimp, faults: Faults, url: str
) -> None:
    """Mailchimp takes values of unknown merge fields, and drops them."""
    use(world, mailchimp_to(url), FIELDS | {"CITY": "first_name", "ORDERS": "email"})

    with pytest.raises(PlanRefused, match=r"no field CITY.*ORDERS takes a number"):
        world.apply(mailchimp_to(url))

    assert [method for method, _, _ in vendor.requests] == ["GET"]


def test_letter_case_and_spaces_make_no_second_member(
    world: World, vendor: Mailchimp, faults: Faults, url: str
) -> None:
    """mautic#5149."""
    world.execute(
        "update audience_winback set email = ' Anna@Mail.RU' where email[1] = 'a'"
    )
    world.execute(
        "update customer_consents set contact_point_hash = sha256(' Anna@Mail.RU')"
        " where customer_id = 'anna'"
    )
    subject = subject_of(world, vendor, faults, url)

    world.apply(subject.connect())

    assert key_of("anna@mail.ru") in vendor.members[LIST]
    assert len(vendor.members[LIST]) == 3


def test_a_mapping_without_the_address_is_refused() -> None:
    can = MailchimpDestination.capabilities(MailchimpOptions(list_id="", key_env=""))

    with pytest.raises(ValueError, match="email_address"):
        FieldMapping((read_field("FNAME", "first_name"),), can)


def test_the_account_s_data_centre_is_in_its_key() -> None:
    destination = mailchimp_to("")

    assert str(destination._api._client.base_url) == (
        "https://us19.api.mailchimp.com/3.0/"
    )


def test_a_cleaned_member_has_bounced(vendor: Mailchimp, url: str) -> None:
    vendor.leaves(LIST, "anna@mail.ru", "cleaned")
    destination = mailchimp_to(url)

    assert [each.reason for each in destination.withdrawals(EVER)] == ["bounced"]
    destination.close()
