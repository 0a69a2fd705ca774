"""Klaviyo: conformance, and what is particular to it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import (
    Answer,
    Answers,
    Batch,
    BatchRefused,
    Row,
)
from orchestration.lib.activation.destinations.klaviyo import (
    KlaviyoDestination,
    KlaviyoOptions,
)
from orchestration.lib.activation.mapping import FieldMapping, MappingError, read_field
from orchestration.lib.activation.withdrawals import EVER
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.json_api import RateLimit
from orchestration.lib.sandbox.klaviyo import Klaviyo
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import (
    Asked,
    Conformance,
    Killed,
    Subject,
    Withdraw,
    use,
)
from tests.destinations.conftest import World
from tests.destinations.openapi import Checked, document

KEY, LIST = "pk_0123456789abcdef", "VRgFBd"
FIELDS = {"email": "email", "first_name": "first_name"}
JOBS = "/api/profile-bulk-import-jobs"


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def vendor() -> Klaviyo:
    return Klaviyo(KEY, [LIST])


@pytest.fixture
def withdraw(vendor: Klaviyo) -> Withdraw:
    def withdrawn(email: str, at: datetime) -> None:
        if all(each["email"] != email for each in vendor.profiles.values()):
            vendor.profiles[email] = {"email": email}
        vendor.suppressions[email] = [
            {"reason": "UNSUBSCRIBE", "timestamp": f"{at.isoformat()}+00:00"}
        ]

    return withdrawn


@pytest.fixture
def url(vendor: Klaviyo, faults: Faults) -> Iterator[str]:
    app = Checked(
        application([vendor], faults),
        document("klaviyo_stable.json"),
        prefix="/klaviyo",
    )
    with running(app) as address:
        yield f"{address}/klaviyo"
    assert app.problems == []


def klaviyo_to(url: str, key: str = KEY, **options: Any) -> KlaviyoDestination:
    quick = {"timeout_seconds": 5.0, "attempts": 2, "poll_seconds": 0.0}
    return KlaviyoDestination(
        "crm",
        KlaviyoOptions(list_id=LIST, key_env="KEY", base_url=url, **quick | options),
        {"key_env": key},
        Path(),
    )


@pytest.fixture
def subject(world: World, vendor: Klaviyo, faults: Faults, url: str) -> Subject:
    use(world, klaviyo_to(url), FIELDS)
    world.sync_with(batch_rows=2)
    return Subject(
        connect=lambda: klaviyo_to(url),
        members=lambda: {
            profile["external_id"]: profile["first_name"]
            for profile in vendor.holds()[LIST]
        },
        faults=faults,
        effects=lambda: vendor.effects,
        strange=lambda: klaviyo_to(url, "pk_nobody"),
    )


class TestKlaviyo(Conformance, Asked):
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


def batch_of(*rows: Row) -> Batch:
    return Batch(audience="winback", mode="mirror", idempotency_key="b", rows=rows)


def send(url: str, *rows: Row, **options: Any) -> Answers:
    destination = klaviyo_to(url, **options)
    try:
        return destination.send(batch_of(*rows), lambda job: None)
    finally:
        destination.close()


def posts(vendor: Klaviyo) -> list[str]:
    return [path for method, path, _ in vendor.requests if method != "GET"]


def test_each_profile_that_was_not_imported_is_told_over_all_pages(
    vendor: Klaviyo, url: str
) -> None:
    """Multiwoven's loader: one success made the whole batch one."""
    bad = [row(f"bad{number}", email="nonsense") for number in range(120)]

    answers = send(url, row("anna"), *bad, row("vera", phone_number="8 900"))

    assert answers.pop("anna").outcome == "acknowledged"
    assert answers.pop("vera") == Answer(outcome="rejected", error_code="invalid")
    assert set(answers.values()) == {
        Answer(outcome="rejected", error_code="invalid_email", feedback="invalid")
    }
    assert len(answers) == 120
    assert len(vendor.holds()[LIST]) == 1


def test_where_an_error_names_nobody_nobody_is_called_imported(
    vendor: Klaviyo, url: str
) -> None:
    def nameless(job: Any, place: int, profile: dict[str, Any]) -> None:
        Klaviyo._import(vendor, job, place, profile)
        for error in job.errors:
            error["attributes"]["original_payload"] = None

    vendor._import = nameless  # type: ignore[method-assign]

    assert send(url, row("anna"), row("boris", email="nonsense")) == {}


def test_a_job_that_goes_on_when_the_run_ends_is_asked_by_the_next_and_not_repeated(
    world: World, vendor: Klaviyo, subject: Subject, url: str
) -> None:
    world.sync_with(batch_rows=10)
    applied = world.apply(klaviyo_to(url, most_polls=2))
    assert applied.unknown == 3
    assert "its job goes on after 2 polls" in (applied.problem or "")

    again = world.apply(subject.connect())

    assert again.sent == 0
    assert posts(vendor) == [JOBS]
    assert world.held() == set(subject.members()) == {"anna", "boris", "vera"}


def test_after_a_kill_while_the_job_goes_on_its_errors_still_reach_their_members(
    world: World, vendor: Klaviyo, subject: Subject, url: str
) -> None:
    world.sync_with(batch_rows=10)
    world.execute("update audience_winback set first_name = repeat('x', 9)")
    destination = klaviyo_to(url)
    send = destination.send

    def dying(batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        def killed(job: str) -> None:
            remember_job(job)
            raise Killed

        return send(batch, killed)

    destination.send = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.apply(destination)
    vendor.jobs["job0"].profiles[1]["email"] = "nonsense"

    world.apply(subject.connect())

    (rejected,) = world.state(
        "select customer_id, error_code from attempts where outcome = 'rejected'"
    )
    assert rejected == ("boris", "invalid_email")
    assert world.held() == {"anna", "vera"}


def test_a_cancelled_job_leaves_everybody_to_be_sent_again(
    world: World, vendor: Klaviyo, subject: Subject, url: str
) -> None:
    world.sync_with(batch_rows=10)
    world.apply(klaviyo_to(url, most_polls=1))
    vendor.jobs["job0"].is_cancelled = True

    assert world.apply(subject.connect()).acknowledged == 3

    assert posts(vendor) == [JOBS, JOBS]


def test_a_list_is_no_consent_and_nothing_asks_for_one(
    world: World, vendor: Klaviyo, subject: Subject
) -> None:
    """posthog.com#18846: adding to a list is not subscribing, which is a job apart."""
    world.apply(subject.connect())
    world.drop("boris")
    world.apply(subject.connect())

    assert set(posts(vendor)) == {JOBS, f"/api/lists/{LIST}/relationships/profiles"}
    assert "subscriptions" not in str(vendor.requests)
    assert "boris@mail.ru" in str(vendor.profiles), "only the list lost them"


def test_a_null_is_never_sent_as_it_would_clear_nothing() -> None:
    can = KlaviyoDestination.capabilities(KlaviyoOptions(list_id="", key_env=""))
    field = read_field("city", {"column": "city", "nulls": "clear"})

    with pytest.raises(MappingError, match="cannot empty a field"):
        FieldMapping((field,), can)


def test_fields_are_attributes_parts_of_the_location_or_properties(
    vendor: Klaviyo, url: str
) -> None:
    fields = {"last_name": "O'Brien", "location.city": "Омск", "orders": 3}

    send(url, row("anna", **fields))

    (profile,) = vendor.holds()[LIST]
    assert profile == {
        "external_id": "anna",
        "email": "anna@mail.ru",
        "last_name": "O'Brien",
        "location": {"city": "Омск"},
        "properties": {"orders": 3},
    }


def test_a_changed_address_changes_the_profile_and_makes_no_second_one(
    vendor: Klaviyo, url: str
) -> None:
    """mautic#4895: an address changed, and the old contact was written to again."""
    send(url, row("anna"))
    send(url, row("anna", "change", email="anna@new.ru"))

    assert [profile["email"] for profile in vendor.profiles.values()] == ["anna@new.ru"]


def test_the_address_of_another_profile_is_refused_for_that_member_alone(
    vendor: Klaviyo, url: str
) -> None:
    send(url, row("anna"), row("boris"))

    answers = send(url, row("anna", "change", email="boris@mail.ru"), row("vera"))

    assert answers["anna"].error_code == "duplicate_profile"
    assert answers["vera"].outcome == "acknowledged"


def test_removals_are_looked_up_by_the_hundred_and_taken_out_by_the_thousand(
    vendor: Klaviyo, url: str
) -> None:
    names = [f"p{number}" for number in range(250)]
    send(url, *map(row, names))
    vendor.requests.clear()

    send(url, *(row(name, "remove") for name in [*names[:230], "nobody"]))

    assert [method for method, _, _ in vendor.requests] == [*["GET"] * 3, "DELETE"]
    assert len(vendor.holds()[LIST]) == 20


def test_a_request_that_is_too_large_is_refused_and_comes_again_in_halves(
    url: str,
) -> None:
    with pytest.raises(BatchRefused, match="invalid"):
        send(url, row("anna", novel="x" * 100_001))


def test_the_engine_s_batches_are_within_klaviyo_s_limits(
    world: World, vendor: Klaviyo, url: str
) -> None:
    world.execute(
        "insert into audience_winback select 'p' || i, 'p' || i || '@mail.ru',"
        " repeat('ы', 25000), 'send' from range(100) as numbers (i)"
    )
    world.execute(
        "insert into customer_consents select customer_id, 'email', sha256(email),"
        " 'marketing', true, null, '2026-10-01' from audience_winback"
    )
    use(world, klaviyo_to(url), FIELDS)

    assert world.apply(klaviyo_to(url)).acknowledged == 103

    assert len([path for path in posts(vendor) if path == JOBS]) > 1


def test_too_many_requests_wait_as_long_as_klaviyo_asks_for(
    vendor: Klaviyo, url: str
) -> None:
    vendor.limits = [RateLimit(4, 0.9)]

    assert send(url, row("anna"), row("boris"))["anna"].outcome == "acknowledged"
    assert send(url, row("anna", "remove"))["anna"].outcome == "acknowledged"


def test_the_rates_are_those_that_klaviyo_publishes() -> None:
    operation = document("klaviyo_stable.json").content["paths"][JOBS]["post"]
    can = KlaviyoDestination.capabilities(KlaviyoOptions(list_id="", key_env=""))

    assert operation["x-klaviyo-ratelimit"] == {"burst": "10/s", "steady": "150/m"}
    assert [(rate.requests, rate.seconds) for rate in can.rates] == [(10, 1), (150, 60)]


def test_a_suppression_says_why(vendor: Klaviyo, url: str) -> None:
    reasons = ("HARD_BOUNCE", "INVALID_EMAIL", "SPAM_COMPLAINT", "USER_SUPPRESSED")
    for reason in reasons:
        vendor.profiles[reason] = {"email": f"{reason}@mail.ru"}
        vendor.suppressions[f"{reason}@mail.ru"] = [
            {"reason": reason, "timestamp": "2026-10-01T00:00:00+00:00"}
        ]
    destination = klaviyo_to(url)

    assert sorted(each.reason for each in destination.withdrawals(EVER)) == [
        "bounced", "complained", "invalid", "unsubscribed",
    ]  # fmt: skip
    destination.close()
