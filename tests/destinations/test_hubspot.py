"""HubSpot: conformance, and what is particular to it."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import (
    Answer,
    Answers,
    Batch,
    BatchRefused,
    InDoubt,
    NotSent,
    Row,
)
from orchestration.lib.activation.destinations.hubspot import (
    HubspotDestination,
    HubspotOptions,
)
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.activation.withdrawals import EVER
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.hubspot import Hubspot
from orchestration.lib.sandbox.json_api import RateLimit
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Asked, Conformance, Subject, Withdraw, use
from tests.destinations.conftest import World

TOKEN, LIST, DYNAMIC = "pat-eu1-0123", "42", "43"
FIELDS = {"email": "email", "firstname": "first_name"}
UPSERT = "/crm/v3/objects/contacts/batch/upsert"


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def vendor() -> Hubspot:
    return Hubspot(
        TOKEN,
        {LIST: "MANUAL", DYNAMIC: "DYNAMIC"},
        {
            "firstname": "string",
            "orders": "number",
            "is_vip": "bool",
            "born": "date",
            "seen": "datetime",
            "crm360_id": "string",
        },
        ["crm360_id"],
    )


@pytest.fixture
def url(vendor: Hubspot, faults: Faults) -> Iterator[str]:
    with running(application([vendor], faults)) as address:
        yield f"{address}/hubspot"


def hubspot_to(url: str, token: str = TOKEN, **options: Any) -> HubspotDestination:
    usual = {"list_id": LIST, "timeout_seconds": 5.0, "attempts": 2}
    return HubspotDestination(
        "crm",
        HubspotOptions(token_env="TOKEN", base_url=url, **usual | options),
        {"token_env": token},
        Path(),
    )


@pytest.fixture
def withdraw(vendor: Hubspot) -> Withdraw:
    def withdrawn(email: str, at: datetime) -> None:
        mine = next(
            (each for each in vendor.contacts.values() if each["email"] == email), None
        )
        if mine is None:
            mine = vendor.contacts[email] = {"email": email}
        mine |= {
            "hs_email_optout": "true",
            "lastmodifieddate": f"{at.isoformat(timespec='milliseconds')}Z",
        }

    return withdrawn


@pytest.fixture
def subject(world: World, vendor: Hubspot, faults: Faults, url: str) -> Subject:
    use(world, hubspot_to(url), FIELDS)
    world.sync_with(batch_rows=2)
    return Subject(
        connect=lambda: hubspot_to(url),
        members=lambda: {
            contact["crm360_id"]: contact["firstname"]
            for contact in vendor.holds()[LIST]
        },
        faults=faults,
        effects=lambda: vendor.effects,
        strange=lambda: hubspot_to(url, "pat-eu1-nobody"),
    )


class TestHubspot(Conformance, Asked):
    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        return subject


def row(name: str, operation: Any = "add", **fields: Any) -> Row:
    return Row(
        operation=operation,
        customer_id=name,
        remote_key=name,
        fields=None
        if operation == "remove"
        else {"email": f"{name}@mail.ru", **fields},
        idempotency_key="k",
    )


def send(url: str, *rows: Row, **options: Any) -> Answers:
    destination = hubspot_to(url, **options)
    try:
        return destination.send(
            Batch(audience="winback", mode="mirror", idempotency_key="b", rows=rows),
            lambda job: None,
        )
    finally:
        destination.close()


def test_an_answer_of_which_some_went_wrong_is_told_row_by_row(
    vendor: Hubspot, url: str
) -> None:
    """A 207 is neither a success of all nor a failure of all."""
    answers = send(
        url,
        row("anna"),
        row("boris", email="nonsense"),
        row("vera", orders="many"),
        row("zoya", hs_object_id="1"),
    )

    assert answers == {
        "anna": Answer(outcome="acknowledged"),
        "boris": Answer(
            outcome="rejected", error_code="invalid_email", feedback="invalid"
        ),
        "vera": Answer(outcome="rejected", error_code="invalid_long"),
        "zoya": Answer(outcome="rejected", error_code="read_only_value"),
    }
    assert [contact["crm360_id"] for contact in vendor.holds()[LIST]] == ["anna"]


def test_a_contact_that_was_there_before_is_taken_over_by_its_address(
    vendor: Hubspot, url: str
) -> None:
    vendor.contacts["7"] = {"email": "anna@mail.ru", "firstname": "Hanna"}

    answers = send(url, row("anna", firstname="Anna"), row("boris"))

    assert {answer.outcome for answer in answers.values()} == {"acknowledged"}
    assert vendor.contacts["7"] == {
        "email": "anna@mail.ru",
        "firstname": "Anna",
        "crm360_id": "anna",
    }
    assert len(vendor.contacts) == 2
    assert "7" in vendor.members[LIST]


def test_a_changed_address_changes_the_contact_and_makes_no_second_one(
    vendor: Hubspot, url: str
) -> None:
    """mautic#4895: an address changed, and the old contact was written to again."""
    send(url, row("anna"))
    send(url, row("anna", "change", email="anna@new.ru"))

    assert [contact["email"] for contact in vendor.contacts.values()] == ["anna@new.ru"]


def test_who_leaves_stays_a_contact_and_others_in_the_list_stay_members(
    vendor: Hubspot, url: str
) -> None:
    """drt#686: a mirror must not delete what others wrote."""
    vendor.contacts["7"] = {"email": "other@mail.ru"}
    vendor.members[LIST].add("7")
    send(url, row("anna"), row("boris"))

    answers = send(url, row("anna", "remove"), row("nobody", "remove"))

    assert {answer.outcome for answer in answers.values()} == {"acknowledged"}
    assert [contact["email"] for contact in vendor.holds()[LIST]] == [
        "boris@mail.ru",
        "other@mail.ru",
    ]
    assert len(vendor.contacts) == 3


def test_removing_only_people_who_are_not_there_asks_for_no_change(
    vendor: Hubspot, url: str
) -> None:
    send(url, row("nobody", "remove"))

    assert [method for method, _, _ in vendor.requests] == ["POST"]


def test_a_null_that_is_to_clear_empties_the_property_and_values_are_texts(
    vendor: Hubspot, url: str
) -> None:
    send(url, row("anna", firstname="Anna", orders=3, is_vip=True, born="1990-01-31"))
    send(url, row("anna", "change", firstname=None, orders=2.5, is_vip=False))

    (contact,) = vendor.holds()[LIST]
    assert contact == {
        "email": "anna@mail.ru",
        "crm360_id": "anna",
        "orders": "2.5",
        "is_vip": "false",
        "born": "1990-01-31",
    }


def test_a_contact_that_the_list_did_not_take_is_not_called_a_member(
    vendor: Hubspot, monkeypatch: pytest.MonkeyPatch
) -> None:
    upsert = vendor._upsert

    def forgetting(call: Any) -> Any:
        answer = upsert(call)
        del vendor.contacts["1001"]
        return answer

    monkeypatch.setattr(vendor, "_upsert", forgetting)
    with running(application([vendor], Faults())) as address:
        answers = send(f"{address}/hubspot", row("anna"), row("boris"))

    assert answers["anna"].error_code == "not_in_list"
    assert answers["boris"].outcome == "acknowledged"


def test_contacts_that_were_written_and_not_listed_are_in_doubt(
    vendor: Hubspot, faults: Faults, url: str
) -> None:
    faults.schedule = [None, 403]

    with pytest.raises(InDoubt, match="http 403"):
        send(url, row("anna"))

    assert len(vendor.contacts) == 1


@pytest.mark.parametrize(
    ("options", "fields", "problem"),
    [
        ({"list_id": DYNAMIC}, {}, "list 43 is dynamic"),
        ({"id_property": "orders"}, {}, "no contact property orders is unique"),
        ({"id_property": "nothing"}, {}, "no contact property nothing is unique"),
        ({}, {"hs_object_id": "email"}, "no field hs_object_id"),
        ({}, {"seen": "email"}, "no field seen"),
        ({}, {"orders": "email"}, "orders takes a number"),
        ({}, {"crm360_id": "email"}, "no field crm360_id"),
    ],
)
def test_what_the_account_does_not_fit_stops_the_plan_before_anything_leaves(
    world: World,
    vendor: Hubspot,
    url: str,
    options: dict[str, str],
    fields: dict[str, str],
    problem: str,
) -> None:
    use(world, hubspot_to(url), FIELDS | fields)

    with pytest.raises(PlanRefused, match=problem):
        world.apply(hubspot_to(url, **options))

    assert {method for method, _, _ in vendor.requests} == {"GET"}


def test_a_hundred_and_one_contacts_are_two_requests(
    world: World, vendor: Hubspot, url: str
) -> None:
    world.execute(
        "insert into audience_winback select 'p' || i, 'p' || i || '@mail.ru', 'P',"
        " 'send' from range(98) as numbers (i)"
    )
    world.execute(
        "insert into customer_consents select customer_id, 'email', sha256(email),"
        " 'marketing', true, null, '2026-10-01' from audience_winback"
    )
    use(world, hubspot_to(url), FIELDS)

    assert world.apply(hubspot_to(url)).acknowledged == 101

    sizes = [len(body["inputs"]) for _, path, body in vendor.requests if path == UPSERT]
    assert sizes == [100, 1]


def test_more_than_a_hundred_at_once_are_refused_as_a_whole(url: str) -> None:
    with pytest.raises(BatchRefused, match="validation_error"):
        send(url, *(row(f"p{number}") for number in range(101)))


def test_too_many_requests_wait_as_long_as_hubspot_asks_for(
    vendor: Hubspot, url: str
) -> None:
    vendor.limits = [RateLimit(1, 0.9)]

    assert send(url, row("anna"))["anna"].outcome == "acknowledged"


def test_an_account_that_answers_in_another_form_refuses_the_plan(
    world: World, subject: Subject, vendor: Hubspot
) -> None:
    vendor.properties["email"] = []  # type: ignore[assignment]

    with pytest.raises(PlanRefused, match="another form"):
        world.apply(subject.connect())


def test_a_search_that_comes_to_its_end_is_followed_by_another(
    vendor: Hubspot, url: str, withdraw: Withdraw, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestration.lib.sandbox.hubspot._MOST_FOUND", 400)
    monkeypatch.setattr(
        "orchestration.lib.activation.destinations.hubspot._MOST_FOUND", 400
    )
    begin = datetime(2026, 10, 1)
    for number in range(1000):
        withdraw(f"m{number}@mail.ru", begin + timedelta(milliseconds=number))
    destination = hubspot_to(url)

    assert len({each.contact for each in destination.withdrawals(EVER)}) == 1000

    for contact in vendor.contacts.values():
        contact["lastmodifieddate"] = "2026-10-01T00:00:00.000Z"
    with pytest.raises(NotSent, match="more contacts changed at once"):
        [*destination.withdrawals(EVER)]
    destination.close()


def test_a_contact_that_bounced_for_good_is_no_unsubscriber(
    vendor: Hubspot, url: str
) -> None:
    vendor.contacts["1"] = {
        "email": "anna@mail.ru",
        "hs_email_hard_bounce_reason_enum": "UNKNOWN_USER",
        "lastmodifieddate": "2026-10-01T00:00:00.000Z",
    }
    destination = hubspot_to(url)

    assert [each.reason for each in destination.withdrawals(EVER)] == ["bounced"]
    destination.close()
