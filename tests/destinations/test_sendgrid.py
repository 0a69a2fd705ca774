"""SendGrid: conformance, and what is particular to it."""

import hashlib
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import (
    Answer,
    Answers,
    Batch,
    BatchRefused,
    InDoubt,
    Row,
)
from orchestration.lib.activation.destinations.sendgrid import (
    SendgridDestination,
    SendgridOptions,
)
from orchestration.lib.activation.mapping import FieldMapping, MappingError, read_field
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.activation.withdrawals import EVER
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.json_api import RateLimit
from orchestration.lib.sandbox.sendgrid import Sendgrid
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Asked, Conformance, Subject, Withdraw, use
from tests.destinations.conftest import World
from tests.destinations.openapi import Checked, document

KEY, LIST = "SG.0123", "11111111-2222-4333-8444-555555555555"
FIELDS = {"email": "email", "first_name": "first_name"}
CONTACTS = "/v3/marketing/contacts"


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def vendor() -> Sendgrid:
    return Sendgrid(KEY, [LIST], {"orders": "Number", "favourite": "Text"})


@pytest.fixture
def withdraw(vendor: Sendgrid) -> Withdraw:
    return lambda email, at: vendor.suppressed["unsubscribes"].append(
        (email, int(at.replace(tzinfo=UTC).timestamp()))
    )


@pytest.fixture
def checked(vendor: Sendgrid, faults: Faults) -> Checked:
    return Checked(
        application([vendor], faults),
        document("sendgrid_tsg_mc_contacts_v3.json"),
        document("sendgrid_tsg_mc_lists_v3.json"),
        document("sendgrid_tsg_suppressions_v3.json"),
        prefix="/sendgrid",
        # Field definitions have a document of their own; files have none.
        except_for=("/v3/marketing/field_definitions", "/files/"),
    )


@pytest.fixture
def url(checked: Checked) -> Iterator[str]:
    with running(checked) as address:
        yield f"{address}/sendgrid"
    assert checked.problems == []


def sendgrid_to(url: str, key: str = KEY, **options: Any) -> SendgridDestination:
    quick = {"timeout_seconds": 5.0, "attempts": 2, "poll_seconds": 0.0}
    return SendgridDestination(
        "crm",
        SendgridOptions(list_id=LIST, key_env="KEY", base_url=url, **quick | options),
        {"key_env": key},
        Path(),
    )


@pytest.fixture
def subject(world: World, vendor: Sendgrid, faults: Faults, url: str) -> Subject:
    use(world, sendgrid_to(url), FIELDS)
    world.sync_with(batch_rows=2)
    return Subject(
        connect=lambda: sendgrid_to(url),
        members=lambda: {
            contact["email"].split("@")[0]: contact["first_name"]
            for contact in vendor.holds()[LIST]
        },
        faults=faults,
        effects=lambda: vendor.effects,
        strange=lambda: sendgrid_to(url, "SG.nobody"),
    )


class TestSendgrid(Conformance, Asked):
    @pytest.fixture
    def subject(self, subject: Subject) -> Subject:
        return subject


def key_of(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()


def row(name: str, operation: Any = "add", **fields: Any) -> Row:
    email = fields.get("email", f"{name}@mail.ru")
    return Row(
        operation=operation,
        customer_id=name,
        remote_key=key_of(email),
        fields=None if operation == "remove" else {"email": email, **fields},
        idempotency_key="k",
    )


def send(url: str, *rows: Row, **options: Any) -> Answers:
    """What was answered, by the customer."""
    destination = sendgrid_to(url, **options)
    try:
        answers = destination.send(
            Batch(audience="winback", mode="mirror", idempotency_key="b", rows=rows),
            lambda job: None,
        )
    finally:
        destination.close()
    return {
        each.customer_id: answers[each.remote_key]
        for each in rows
        if each.remote_key in answers
    }


REFUSED = Answer(outcome="rejected", error_code="not_imported")


def test_whoever_the_file_of_errors_names_was_not_imported_and_the_rest_was(
    vendor: Sendgrid, url: str
) -> None:
    answers = send(url, row("anna"), row("boris", email="boris@nowhere"), row("vera"))

    assert answers.pop("boris") == REFUSED
    assert {answer.outcome for answer in answers.values()} == {"acknowledged"}
    assert len(vendor.holds()[LIST]) == 2


def test_no_key_is_sent_to_where_the_file_of_errors_lies(
    vendor: Sendgrid, url: str
) -> None:
    """The vendor refuses the file to whoever shows a key, as signed addresses do."""
    assert send(url, row("anna"), row("boris", email="boris@nowhere"))


def test_where_the_file_does_not_name_as_many_as_failed_nobody_is_called_imported(
    vendor: Sendgrid, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless(job: Any, contact: dict[str, Any]) -> None:
        Sendgrid._import(vendor, job, contact)
        job.errors = ["something went wrong" for _ in job.errors]

    monkeypatch.setattr(vendor, "_import", nameless)

    assert send(url, row("anna"), row("boris", email="boris@nowhere")) == {}


def test_a_job_that_failed_altogether_refuses_everybody(url: str) -> None:
    answers = send(url, row("anna", email="anna"), row("boris", email="boris"))

    assert answers == {"anna": REFUSED, "boris": REFUSED}


def test_a_job_that_goes_on_when_the_run_ends_is_asked_by_the_next_and_not_repeated(
    world: World, vendor: Sendgrid, subject: Subject, url: str
) -> None:
    world.sync_with(batch_rows=10)
    assert world.apply(sendgrid_to(url, most_polls=2)).unknown == 3

    assert world.apply(subject.connect()).sent == 0

    puts = [method for method, _, _ in vendor.requests if method == "PUT"]
    assert len(puts) == 1
    assert world.held() == {"anna", "boris", "vera"}


def test_a_removal_is_waited_for_until_the_list_has_lost_them(
    vendor: Sendgrid, url: str
) -> None:
    send(url, row("anna"), row("boris"))

    answers = send(url, row("anna", "remove"), row("nobody", "remove"))

    assert {answer.outcome for answer in answers.values()} == {"acknowledged"}
    assert [each["email"] for each in vendor.holds()[LIST]] == ["boris@mail.ru"]
    assert len(vendor.contacts) == 2, "only the list lost them"


def test_a_removal_that_does_not_come_about_is_in_doubt(url: str) -> None:
    send(url, row("anna"))

    with pytest.raises(InDoubt, match="goes on"):
        send(url, row("anna", "remove"), most_polls=1)


def test_removals_are_looked_up_and_taken_out_by_the_hundred(
    vendor: Sendgrid, url: str
) -> None:
    names = [f"p{number}" for number in range(130)]
    send(url, *map(row, names))
    vendor.requests.clear()

    send(url, *(row(name, "remove") for name in names[:120]))

    methods = [method for method, _, _ in vendor.requests]
    assert methods[:4] == ["POST", "POST", "DELETE", "DELETE"]
    assert len(vendor.holds()[LIST]) == 10


def test_a_changed_address_is_another_contact_and_the_list_loses_the_old_one(
    world: World, vendor: Sendgrid, subject: Subject
) -> None:
    """mautic#4895. All identifiers of a contact must be said, so none can change."""
    world.apply(subject.connect())
    world.execute("update audience_winback set email = 'a@new.ru' where email[1] = 'a'")
    world.execute(
        "update customer_consents set contact_point_hash = sha256('a@new.ru')"
        " where customer_id = 'anna'"
    )

    assert world.apply(subject.connect()).is_complete

    assert set(subject.members()) == {"a", "boris", "vera"}


def test_a_contact_whose_external_id_is_somebody_else_s_is_refused_alone(
    vendor: Sendgrid, url: str
) -> None:
    send(url, row("anna"))
    vendor.contacts["contact0"]["external_id"] = "of the shop"

    answers = send(url, row("anna", "change"), row("boris"))

    assert answers["anna"] == REFUSED
    assert answers["boris"].outcome == "acknowledged"


def test_custom_fields_go_by_the_ids_of_the_account(vendor: Sendgrid, url: str) -> None:
    send(url, row("anna", first_name="Анна", orders=3))
    send(url, row("anna", "change", favourite="tea"))

    (contact,) = vendor.holds()[LIST]
    assert contact["first_name"] == "Анна"
    assert contact["custom_fields"] == {"e1_N": 3, "e2_T": "tea"}


def test_a_field_that_the_account_does_not_have_stops_the_plan(
    world: World, vendor: Sendgrid, url: str
) -> None:
    use(world, sendgrid_to(url), FIELDS | {"shoes": "email", "orders": "email"})

    with pytest.raises(PlanRefused, match=r"no field shoes.*orders takes a number"):
        world.apply(sendgrid_to(url))

    assert {method for method, _, _ in vendor.requests} == {"GET"}


def test_a_null_is_never_sent_as_nothing_is_known_to_clear() -> None:
    can = SendgridDestination.capabilities(SendgridOptions(list_id="", key_env=""))
    fields = [("email", "email"), ("city", {"column": "city", "nulls": "clear"})]

    with pytest.raises(MappingError, match="cannot empty a field"):
        FieldMapping(tuple(read_field(*field) for field in fields), can)


def test_batches_are_within_the_limits_that_sendgrid_publishes() -> None:
    operation = document("sendgrid_tsg_mc_contacts_v3.json").content["paths"][CONTACTS]
    body = operation["put"]["requestBody"]["content"]["application/json"]["schema"]
    can = SendgridDestination.capabilities(SendgridOptions(list_id="", key_env=""))

    assert can.batch_rows == body["properties"]["contacts"]["maxItems"]
    assert "6MB" in operation["put"]["description"]
    assert (can.batch_bytes or 0) < 6_000_000


def test_a_text_that_is_too_long_refuses_the_request_and_is_not_cut(
    checked: Checked, url: str
) -> None:
    with pytest.raises(BatchRefused, match="http_400"):
        send(url, row("anna", city="x" * 61))

    (problem,) = checked.problems
    assert "$.contacts[0].city: not maxLength 60" in problem
    checked.problems.clear()


def test_too_many_requests_wait_as_long_as_sendgrid_asks_for(
    vendor: Sendgrid, url: str
) -> None:
    vendor.limits = [RateLimit(4, 0.9)]

    assert send(url, row("anna"))["anna"].outcome == "acknowledged"


def test_each_of_its_lists_of_addresses_says_why(vendor: Sendgrid, url: str) -> None:
    for name, found in vendor.suppressed.items():
        found.append((f"{name}@mail.ru", 1_760_000_000))
    destination = sendgrid_to(url)

    assert {each.contact: each.reason for each in destination.withdrawals(EVER)} == {
        "unsubscribes@mail.ru": "unsubscribed",
        "bounces@mail.ru": "bounced",
        "spam_reports@mail.ru": "complained",
        "invalid_emails@mail.ru": "invalid",
    }
    destination.close()
