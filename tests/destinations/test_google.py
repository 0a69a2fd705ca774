"""Customer Match, by the published rules of the Data Manager API."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.google import (
    GoogleDestination,
    GoogleOptions,
)
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.sandbox.faults import EVERY, Fault, Faults
from orchestration.lib.sandbox.google import Google
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import ContactConformance, Subject, apply, use
from tests.destinations.conftest import World

TOKEN, LIST = "1//refresh", "7000000001"

Connect = Callable[..., GoogleDestination]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def vendor() -> Google:
    return Google(TOKEN, [LIST])


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def connect(vendor: Google, faults: Faults) -> Iterator[Connect]:
    with running(application([vendor], faults)) as url:

        def connected(token: str = TOKEN, **options: Any) -> GoogleDestination:
            given: dict[str, Any] = {
                "audiences": {"winback": LIST},
                "are_terms_accepted": True,
                "timeout_seconds": 5.0,
                "attempts": 2,
                "poll_seconds": 0.01,
            }
            return GoogleDestination(
                "google",
                GoogleOptions(
                    account_id="1234567890",
                    client_id="client",
                    client_secret_env="SECRET",
                    refresh_token_env="TOKEN",
                    base_url=f"{url}/google",
                    token_url=f"{url}/google/token",
                    **given | options,
                ),
                {"client_secret_env": "secret", "refresh_token_env": token},
                Path(),
            )

        yield connected


@pytest.fixture
def by_email(world: World, connect: Connect) -> World:
    use(world, connect(), {"email": "email"})
    return world


def held(vendor: Google) -> set[str]:
    """Customers whose address is in the list."""
    people = {sha256(f"{name}@mail.ru"): name for name in ("anna", "boris", "vera")}
    return {people[value] for _, value in vendor.identifiers[LIST] if value in people}


class TestGoogle(ContactConformance):
    @pytest.fixture
    def subject(
        self, by_email: World, vendor: Google, faults: Faults, connect: Connect
    ) -> Subject:
        by_email.sync_with(batch_rows=2)
        return Subject(
            connect=connect,
            members=lambda: {name: name for name in held(vendor)},
            faults=faults,
            strange=lambda: connect("somebody else's"),
        )

    @pytest.mark.parametrize("place", range(3, 8))
    @pytest.mark.parametrize("fault", EVERY)
    def test_a_fault_at_any_later_request_is_survived_too(
        self, world: World, subject: Subject, fault: Fault, place: int
    ) -> None:
        """A batch is four requests: token, members, token, status."""
        subject.faults.schedule = [*[None] * place, fault]
        apply(world, subject)

        assert apply(world, subject).problem is None
        assert set(subject.members()) == world.held() == {"anna", "boris", "vera"}


def test_a_request_is_as_google_wants_it(
    world: World, vendor: Google, connect: Connect
) -> None:
    destination = connect(
        identifiers=("email", "phone"),
        has_ad_user_data_consent=True,
        login_account_id="42",
    )
    use(world, destination, {"email": "email", "phone": "phone"})
    world.drop("boris")
    world.drop("vera")

    world.apply(destination)

    ((phone,),) = world.marts_rows("select phone from audience_winback")
    _, path, body = vendor.requests[0]
    assert path == "/google/v1/audienceMembers:ingest"
    assert body == {
        "destinations": [
            {
                "operatingAccount": {
                    "accountType": "GOOGLE_ADS",
                    "accountId": "1234567890",
                },
                "loginAccount": {"accountType": "GOOGLE_ADS", "accountId": "42"},
                "productDestinationId": LIST,
            }
        ],
        "encoding": "HEX",
        "audienceMembers": [
            {
                "userData": {
                    "userIdentifiers": [
                        {"emailAddress": sha256("anna@mail.ru")},
                        {"phoneNumber": sha256(phone)},
                    ]
                }
            }
        ],
        "consent": {"adUserData": "CONSENT_GRANTED"},
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
    }


def test_gmail_is_hashed_as_google_matches_it(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    """The samples of Google itself do not apply the rule."""
    by_email.execute(
        "update audience_winback set email = 'An.Na+shop@gmail.com' where"
        " customer_id = 'anna'; update customer_consents set contact_point_hash ="
        " sha256('An.Na+shop@gmail.com') where customer_id = 'anna'"
    )

    by_email.apply(connect())

    assert ("emailAddress", sha256("anna@gmail.com")) in vendor.identifiers[LIST]


def test_a_removal_names_every_identifier_that_was_sent(
    world: World, vendor: Google, connect: Connect
) -> None:
    destination = connect(identifiers=("email", "phone"))
    use(world, destination, {"email": "email", "phone": "phone"})
    world.apply(destination)
    world.drop("boris")

    world.apply(destination)

    assert len(vendor.identifiers[LIST]) == 4
    assert "consent" not in vendor.requests[-1][2]


def test_what_is_still_looked_at_is_asked_about_by_the_next_run(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    vendor.delay = 3
    assert by_email.apply(connect(most_polls=1)).unknown == 3
    assert by_email.held() == set()

    vendor.delay = 0
    assert by_email.apply(connect()).sent == 0

    assert by_email.held() == {"anna", "boris", "vera"}
    assert len(vendor.requests) == 1


def test_a_run_waits_for_what_is_looked_at(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    vendor.delay = 3

    assert by_email.apply(connect()).acknowledged == 3


def test_of_a_partial_success_nobody_is_acknowledged(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    """A peer took a request with any success for a success of all its rows."""
    vendor.failing = {sha256("boris@mail.ru")}

    applied = by_email.apply(connect())

    assert (applied.acknowledged, applied.unknown) == (0, 3)
    assert by_email.held() == set()


def test_who_was_part_of_a_partial_success_is_still_removed(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    vendor.failing = {sha256("boris@mail.ru")}
    by_email.apply(connect())
    by_email.execute(
        "update customer_consents set is_granted = false where customer_id = 'anna'"
    )
    vendor.failing = set()

    by_email.apply(connect())

    assert held(vendor) == {"boris", "vera"}


def test_a_request_of_which_nothing_was_taken_refuses_its_members(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    vendor.failing = {sha256(f"{name}@mail.ru") for name in ("anna", "boris", "vera")}

    assert by_email.apply(connect()).rejected == 3

    assert by_email.state(
        "select distinct error_code from attempts where error_code is not null"
    ) == [("processing_error_reason_internal_error",)]


def test_a_malformed_member_is_found_among_the_others(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    takes = vendor._violations

    def picky(body: dict[str, Any], *, is_removal: bool) -> Any:
        yield from takes(body, is_removal=is_removal)
        for number, member in enumerate(body["audienceMembers"]):
            if sha256("vera@mail.ru") in str(member):
                field = f"audience_members.audience_members[{number}]"
                yield {"field": field, "reason": "INVALID_AUDIENCE_MEMBER"}

    vendor._violations = picky  # type: ignore[method-assign]

    assert by_email.apply(connect()).rejected == 1

    assert by_email.held() == {"anna", "boris"}
    assert by_email.state(
        "select error_code from attempts where customer_id = 'vera'"
        " and outcome = 'rejected'"
    ) == [("INVALID_AUDIENCE_MEMBER",)]


def test_a_list_that_google_does_not_know_refuses_nobody(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    applied = by_email.apply(connect(audiences={"winback": 1}))

    assert "INVALID_USER_LIST_ID" in (applied.problem or "")
    assert (applied.sent, len(vendor.requests)) == (0, 1)


def test_an_audience_that_no_list_is_configured_for_sends_nothing(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    applied = by_email.apply(connect(audiences={"another": LIST}))

    assert "no Customer Match list" in (applied.problem or "")
    assert vendor.requests == []


def test_a_field_that_a_removal_would_not_name_is_refused(
    world: World, connect: Connect
) -> None:
    destination = connect()
    use(world, destination, {"email": "email", "phone": "phone"})

    with pytest.raises(PlanRefused, match="no field phone"):
        world.apply(destination)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"identifiers": ("email", "city")}, "not city"),
        ({"identifiers": tuple(f"email_{n}" for n in range(11))}, "at most 10"),
        ({"are_terms_accepted": False}, "are_terms_accepted"),
    ],
)
def test_options_that_google_would_refuse_are_refused_here(
    connect: Connect, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        GoogleDestination.capabilities(connect(**options).options)


def test_a_request_holds_what_google_takes_at_once(connect: Connect) -> None:
    can = GoogleDestination.capabilities(connect().options)

    assert (can.batch_rows, can.least_seconds(600)) == (10_000, 60)


def test_without_an_access_token_nobody_is_in_doubt(
    by_email: World, vendor: Google, faults: Faults, connect: Connect
) -> None:
    faults.schedule = [500, 500]

    applied = by_email.apply(connect())

    assert "no access token" in (applied.problem or "")
    assert (applied.unknown, vendor.requests) == (0, [])


def test_what_was_taken_stays_in_doubt_when_its_status_cannot_be_asked(
    by_email: World, vendor: Google, faults: Faults, connect: Connect
) -> None:
    faults.schedule = [None, None, None, 403]
    assert by_email.apply(connect()).unknown == 3

    assert by_email.apply(connect()).sent == 0

    assert by_email.held() == {"anna", "boris", "vera"}


def test_a_request_that_google_forgot_is_sent_again(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    vendor.delay = 3
    by_email.apply(connect(most_polls=1))
    vendor.forget()
    vendor.delay = 0

    assert by_email.apply(connect()).acknowledged == 3


def test_a_token_that_the_api_refuses_is_told_as_credentials(
    by_email: World, vendor: Google, connect: Connect
) -> None:
    vendor.token = "ya29.another"

    applied = by_email.apply(connect())

    assert "credentials" in (applied.problem or "")
    assert applied.sent == 0
