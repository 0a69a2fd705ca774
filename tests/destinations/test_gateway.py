"""A gateway for messages: once, and never to whom may not be written."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.activation.destinations.gateway import (
    GatewayDestination,
    GatewayOptions,
)
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.gateway import Gateway
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conformance import Conformance, Subject, use
from tests.destinations.conftest import World

TOKEN = "gateway-token"
FIELDS = {"to": "phone", "text": {"template": "Come back, {first_name}"}}

Connect = Callable[..., GatewayDestination]


@pytest.fixture
def id_field() -> str:
    return "id"


@pytest.fixture
def vendor(id_field: str) -> Gateway:
    return Gateway(TOKEN, remembers_ids=bool(id_field))


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def connect(vendor: Gateway, faults: Faults, id_field: str) -> Iterator[Connect]:
    with running(application([vendor], faults)) as url:

        def connected(token: str = TOKEN, **options: Any) -> GatewayDestination:
            given: dict[str, Any] = {
                "id_field": id_field,
                "per_second": 1000,
                "timeout_seconds": 5.0,
                "attempts": 2,
            }
            return GatewayDestination(
                "sms",
                GatewayOptions(
                    url=f"{url}/gateway/messages",
                    token_env="TOKEN",
                    **given | options,
                ),
                {"token_env": token},
                Path(),
            )

        yield connected


@pytest.fixture
def by_phone(world: World, connect: Connect) -> World:
    world.by_phone()
    use(world, connect(), FIELDS)
    return world


@pytest.fixture
def numbers(world: World) -> dict[str, str]:
    """Customers with their numbers."""
    return dict(world.marts_rows("select customer_id, phone from audience_winback"))


class TestGateway(Conformance):
    @pytest.fixture
    def subject(
        self,
        by_phone: World,
        vendor: Gateway,
        faults: Faults,
        connect: Connect,
        numbers: dict[str, str],
    ) -> Subject:
        people = {number: customer for customer, number in numbers.items()}
        return Subject(
            connect=connect,
            members=lambda: {
                people[message["to"]]: message["text"].split()[-1]
                for message in vendor.messages
            },
            faults=faults,
            effects=lambda: vendor.effects,
            strange=lambda: connect("somebody else's"),
        )


class TestGatewayWithoutIds(TestGateway):
    @pytest.fixture
    def id_field(self) -> str:
        return ""


@pytest.fixture
def forgetful(world: World) -> Iterator[tuple[World, Gateway, Faults, Connect]]:
    """A gateway that remembers no ids."""
    vendor, faults = Gateway(TOKEN, remembers_ids=False), Faults()
    with running(application([vendor], faults)) as url:

        def connected() -> GatewayDestination:
            options = GatewayOptions(
                url=f"{url}/gateway/messages", token_env="TOKEN", per_second=1000
            )
            return GatewayDestination("sms", options, {"token_env": TOKEN}, Path())

        world.by_phone()
        use(world, connected(), FIELDS)
        yield world, vendor, faults, connected


def test_of_a_gateway_that_remembers_nothing_one_message_is_in_doubt_and_stays_so(
    forgetful: tuple[World, Gateway, Faults, Connect],
) -> None:
    world, vendor, faults, connect = forgetful
    faults.schedule = [None, "lost"]

    first = world.apply(connect())
    assert (first.acknowledged, first.unknown) == (2, 1)
    for _ in range(2):
        assert world.apply(connect()).sent == 0

    assert len(vendor.messages) == 3


def test_a_limit_is_waited_for_even_where_nothing_is_remembered(
    forgetful: tuple[World, Gateway, Faults, Connect],
) -> None:
    world, vendor, faults, connect = forgetful
    faults.schedule = [429]

    assert world.apply(connect()).acknowledged == 3
    assert set(vendor.effects.values()) == {1}


def test_whose_number_does_not_exist_and_who_wants_nothing_is_not_written_to_again(
    by_phone: World, vendor: Gateway, connect: Connect, numbers: dict[str, str]
) -> None:
    vendor.refuses = {numbers["anna"]: "invalid", numbers["vera"]: "unsubscribed"}

    assert by_phone.apply(connect()).rejected == 2

    assert dict(
        by_phone.state(
            "select customer_id, reason from suppressions"
            " inner join attempts using (destination)"
            " where outcome = 'rejected' and error_code = reason"
        )
    ) == {"anna": "invalid", "vera": "unsubscribed"}
    vendor.refuses = {}
    assert by_phone.apply(connect()).sent == 0


def test_a_message_at_a_quiet_hour_is_sent_by_a_later_run(
    by_phone: World, vendor: Gateway, connect: Connect, numbers: dict[str, str]
) -> None:
    vendor.refuses = {numbers["anna"]: "quiet"}
    assert by_phone.apply(connect()).rejected == 1
    assert by_phone.state("select reason from suppressions") == []

    vendor.refuses = {}
    assert by_phone.apply(connect()).acknowledged == 1

    assert len(vendor.messages) == 3


def test_an_answer_of_2xx_without_a_body_is_one(
    by_phone: World, vendor: Gateway, connect: Connect
) -> None:
    vendor.answer = None

    assert by_phone.apply(connect()).acknowledged == 3


def test_an_answer_without_a_status_is_none(
    by_phone: World, vendor: Gateway, connect: Connect
) -> None:
    vendor.answer = {"hello": "there"}

    assert by_phone.apply(connect()).unknown == 3
    assert by_phone.held() == set()


def test_a_changed_text_is_another_message_only_where_messages_are_appended(
    by_phone: World, vendor: Gateway, connect: Connect
) -> None:
    by_phone.apply(connect())
    by_phone.execute("update audience_winback set first_name = 'dear friend'")
    assert by_phone.apply(connect()).sent == 0

    by_phone.sync_with(mode="append")
    by_phone.apply(connect())

    assert len(vendor.messages) == 6


def test_a_phone_that_two_customers_share_rings_once(
    by_phone: World, vendor: Gateway, connect: Connect
) -> None:
    by_phone.execute("alter table audience_winback drop phone")
    by_phone.execute(
        "alter table audience_winback add phone varchar default '+79161234567'"
    )
    by_phone.execute(
        "update customer_consents set contact_point_hash = sha256('+79161234567')"
    )

    by_phone.apply(connect())

    assert len(vendor.messages) == 1


def test_a_number_goes_in_e164_and_what_is_none_goes_nowhere(
    by_phone: World, vendor: Gateway, connect: Connect
) -> None:
    by_phone.execute("alter table audience_winback drop phone")
    by_phone.execute("alter table audience_winback add phone varchar")
    by_phone.execute(
        "update audience_winback set phone = case customer_id"
        " when 'anna' then '+7 (916) 123-45-67' else '+0000000000' end;"
        " update customer_consents set contact_point_hash = sha256(case customer_id"
        " when 'anna' then '+7 (916) 123-45-67' else '+0000000000' end)"
    )

    assert by_phone.apply(connect()).problem is None

    assert [message["to"] for message in vendor.messages] == ["+79161234567"]


def test_a_gateway_may_call_things_otherwise(
    by_phone: World, vendor: Gateway, connect: Connect
) -> None:
    destination = connect(to_field="phone", text_field="body", id_field="ref")
    by_phone.sync_with(batch_rows=1)
    use(by_phone, destination, {**FIELDS, "sender": {"constant": "SHOP"}})

    by_phone.apply(destination)

    _, _, message = vendor.requests[0]
    assert set(message) == {"phone", "body", "ref", "sender"}


def test_nobody_can_be_asked_to_mirror_messages(connect: Connect) -> None:
    can = GatewayDestination.capabilities(connect().options)

    assert (can.modes, can.can_remove, can.batch_rows) == (
        ("create", "append"),
        False,
        1,
    )
