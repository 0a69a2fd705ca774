"""What a plan says, and when it is not applied."""

import pytest

from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.plan import PlanRefused, left_out
from orchestration.lib.activation.state import opened
from tests.destinations.conftest import World
from tests.destinations.receiver import Receiver


def left_out_of(world: World) -> dict[str, int]:
    plan = world.plan()
    with opened(world.activation, world.marts) as connection:
        return left_out(connection, plan.plan_id)


def test_a_first_plan_adds_everybody_who_may_be_written_to(world: World) -> None:
    plan = world.plan()

    assert (plan.adds, plan.changes, plan.removes, plan.left_out) == (3, 0, 0, 0)


def test_who_is_left_out_is_in_the_plan_with_the_reason(world: World) -> None:
    world.add("galina", decision="consent_unknown", consent=False)
    world.add("dmitri", decision="no_email")

    assert left_out_of(world) == {"consent_unknown": 1, "no_email": 1}


def test_a_mart_that_decides_wrongly_still_cannot_send(world: World) -> None:
    world.add("galina", decision="send", consent=False)
    world.execute(
        "insert into audience_winback values ('egor', 'egor@mail.ru', 'egor', 'send')"
    )

    assert world.plan().adds == 3
    assert left_out_of(world) == {"no_current_consent": 2}


def test_a_consent_for_another_address_is_none_for_this_one(world: World) -> None:
    world.execute(
        "update audience_winback set email = 'other@mail.ru' where customer_id = 'anna'"
    )

    assert left_out_of(world) == {"no_current_consent": 1}


def test_a_consent_that_is_there_twice_is_one(world: World) -> None:
    world.execute("insert into customer_consents from customer_consents")

    assert world.plan().adds == 3


def test_a_suppressed_address_is_not_sent_to_whatever_it_consented(
    world: World,
) -> None:
    world.execute(
        "update customer_consents set suppression_reason = 'complained'"
        " where customer_id = 'vera'"
    )

    assert left_out_of(world) == {"no_current_consent": 1}


def test_planning_twice_gives_the_same_plan(world: World) -> None:
    assert world.plan() == world.plan()


def test_a_member_that_is_there_twice_stops_the_plan(world: World) -> None:
    world.add("anna")

    with pytest.raises(PlanRefused, match="twice"):
        world.plan()


def test_a_plan_that_was_altered_is_refused(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    plan = world.plan()
    world.state("delete from plan_rows where customer_id = 'anna'")

    with pytest.raises(PlanRefused, match="altered"):
        world.apply(webhook, plan)

    assert receiver.requests == []


def test_a_plan_is_refused_when_the_data_has_moved_on(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    plan = world.plan()
    world.drop("anna")

    with pytest.raises(PlanRefused, match="moved on"):
        world.apply(webhook, plan)

    assert receiver.requests == []


def test_a_plan_is_refused_while_the_gate_is_closed(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    with pytest.raises(PlanRefused, match=r"land shopify\.orders: failed"):
        world.apply(webhook, closed_because=["land shopify.orders: failed"])

    assert receiver.requests == []


def test_an_unknown_plan_is_refused(world: World, webhook: WebhookDestination) -> None:
    plan = world.plan()
    world.state("delete from plans")

    with pytest.raises(PlanRefused, match="no plan"):
        world.apply(webhook, plan)


def test_an_applied_plan_is_not_applied_again(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    plan = world.plan()
    world.apply(webhook, plan)
    sent = len(receiver.requests)

    with pytest.raises(PlanRefused, match="applied already"):
        world.apply(webhook, plan)

    assert len(receiver.requests) == sent


def test_nothing_but_hashes_and_ids_is_kept_of_what_was_sent(
    world: World, webhook: WebhookDestination
) -> None:
    world.apply(webhook)

    assert b"@mail.ru" not in world.activation.read_bytes()
    for table in ("plans", "plan_rows", "batches", "attempts", "acknowledged"):
        assert "@mail.ru" not in str(world.state(f"from {table}"))
