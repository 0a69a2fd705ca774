"""Lists of Brevo, by its published rules."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.brevo import (
    BrevoDestination,
    BrevoOptions,
)
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.sandbox.brevo import Brevo
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Asked, Conformance, Subject, Withdraw, use
from tests.destinations.conftest import World

KEY, LIST = "xkeysib-key", 7
FIELDS = {"email": "email", "FIRSTNAME": "first_name"}

Connect = Callable[..., BrevoDestination]


@pytest.fixture
def vendor() -> Brevo:
    return Brevo(KEY, [LIST])


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def withdraw(vendor: Brevo) -> Withdraw:
    def withdrawn(email: str, at: datetime) -> None:
        contact = next(
            (each for each in vendor.contacts if each["email"] == email), None
        )
        if contact is None:
            contact = {"email": email, "id": 0, "listIds": set()}
            vendor.contacts.append(contact)
        contact |= {"emailBlacklisted": True, "modifiedAt": f"{at.isoformat()}Z"}

    return withdrawn


@pytest.fixture
def connect(vendor: Brevo, faults: Faults) -> Iterator[Connect]:
    with running(application([vendor], faults)) as url:

        def connected(key: str = KEY, **options: Any) -> BrevoDestination:
            given: dict[str, Any] = {
                "lists": {"winback": LIST},
                "timeout_seconds": 5.0,
                "attempts": 2,
            }
            return BrevoDestination(
                "brevo",
                BrevoOptions(
                    api_key_env="KEY", base_url=f"{url}/brevo", **given | options
                ),
                {"api_key_env": key},
                Path(),
            )

        yield connected


@pytest.fixture
def brevo(world: World, connect: Connect) -> World:
    use(world, connect(), FIELDS)
    return world


def members(vendor: Brevo) -> dict[str, str]:
    return {
        each["ext_id"]: each["attributes"]["FIRSTNAME"]
        for each in vendor.holds()[str(LIST)]
    }


def contact_of(vendor: Brevo, customer: str) -> dict[str, Any]:
    (found,) = (each for each in vendor.contacts if each["ext_id"] == customer)
    return found


class TestBrevo(Conformance, Asked):
    @pytest.fixture
    def subject(
        self, brevo: World, vendor: Brevo, faults: Faults, connect: Connect
    ) -> Subject:
        # Its attributes are asked for before anything is sent, outside the faults.
        fields = connect().fields()

        def connected(**options: Any) -> BrevoDestination:
            destination = connect(**options)
            destination.fields = lambda: fields  # type: ignore[method-assign]
            return destination

        return Subject(
            connect=connected,
            members=lambda: members(vendor),
            faults=faults,
            strange=lambda: connected(key="somebody else's"),
        )


def test_a_new_address_is_the_same_contact(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    brevo.apply(connect())
    brevo.execute(
        "update audience_winback set email = 'anna@new.ru' where customer_id = 'anna';"
        " update customer_consents set contact_point_hash = sha256('anna@new.ru')"
        " where customer_id = 'anna'"
    )

    assert brevo.apply(connect()).acknowledged == 1

    assert len(vendor.contacts) == 3
    assert contact_of(vendor, "anna")["email"] == "anna@new.ru"


def test_a_contact_that_brevo_has_already_is_taken_over_with_what_it_has(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    vendor._new("anna@mail.ru")["attributes"] = {"LASTNAME": "kept"}

    assert brevo.apply(connect()).acknowledged == 3

    assert contact_of(vendor, "anna")["attributes"] == {
        "LASTNAME": "kept",
        "FIRSTNAME": "anna",
    }


def test_who_has_unsubscribed_there_stays_unsubscribed(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    """Others subscribed people again with every synchronisation."""
    vendor._new("anna@mail.ru")["emailBlacklisted"] = True

    brevo.apply(connect())
    brevo.execute("update audience_winback set first_name = 'Anya'")
    brevo.apply(connect())

    assert contact_of(vendor, "anna")["emailBlacklisted"]
    assert not any("emailBlacklisted" in body for _, _, body in vendor.requests)


def test_who_leaves_a_list_stays_in_the_others(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    brevo.apply(connect())
    contact_of(vendor, "boris")["listIds"].add(8)
    brevo.drop("boris")

    brevo.apply(connect())

    assert contact_of(vendor, "boris")["listIds"] == {8}


def test_whom_brevo_has_deleted_is_removed_without_complaint_and_made_again(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    brevo.apply(connect())
    vendor.contacts.clear()
    brevo.drop("boris")
    brevo.execute("update audience_winback set first_name = 'Anya'")

    assert brevo.apply(connect()).problem is None

    assert members(vendor) == {"anna": "Anya", "vera": "Anya"}


def test_an_update_of_whom_it_does_not_have_makes_nobody(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    brevo.sync_with(mode="update")

    assert brevo.apply(connect()).absent == 3

    assert vendor.contacts == []


def test_a_refused_contact_is_told_by_brevos_code_and_the_others_arrive(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    brevo.execute(
        "update audience_winback set email = 'none' where customer_id = 'anna';"
        " update customer_consents set contact_point_hash = sha256('none')"
        " where customer_id = 'anna'"
    )

    applied = brevo.apply(connect())

    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert brevo.state(
        "select error_code from attempts where outcome = 'rejected'"
    ) == [("invalid_parameter",)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({**FIELDS, "CITY": "first_name"}, "no field CITY"),
        ({**FIELDS, "ORDERS": "first_name"}, "takes a number"),
    ],
)
def test_attributes_that_brevo_would_ignore_are_refused(
    world: World, connect: Connect, fields: dict[str, str], told: str
) -> None:
    use(world, connect(), fields)

    with pytest.raises(PlanRefused, match=told):
        world.apply(connect())


def test_an_audience_that_no_list_is_configured_for_sends_nothing(
    brevo: World, vendor: Brevo, connect: Connect
) -> None:
    applied = brevo.apply(connect(lists={"another": LIST}))

    assert "no list" in (applied.problem or "")
    assert vendor.requests == []
