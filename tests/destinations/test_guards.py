"""What holds a plan, and how a person lets it go."""

import dataclasses
from typing import Any

import pytest

from orchestration.lib.activation import guards
from orchestration.lib.activation.apply import PlanHeld
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.state import opened
from tests.destinations.conftest import World
from tests.destinations.receiver import Receiver


def limited(world: World, **limits: Any) -> None:
    world.sync = dataclasses.replace(
        world.sync, limits=dataclasses.replace(world.sync.limits, **limits)
    )


def grow(world: World, members: int) -> None:
    world.execute(
        "insert into audience_winback select"
        " concat('p', i), concat('p', i, '@mail.ru'), 'P', 'send' from range(?) t(i)",
        [members],
    )
    world.execute(
        "insert into customer_consents select concat('p', i), 'email',"
        " sha256(concat('p', i, '@mail.ru')), 'marketing', true, null, '2026-10-01'"
        " from range(?) t(i)",
        [members],
    )


def holds(world: World) -> list[str]:
    plan = world.plan()
    with opened(world.activation, world.marts) as connection:
        return guards.held_because(connection, plan.plan_id)


def release(world: World, plan_id: str) -> None:
    with opened(world.activation, world.marts) as connection:
        guards.release(connection, plan_id, by="olga", reason="checked")


@pytest.fixture
def large(world: World, webhook: WebhookDestination) -> World:
    """A hundred members, all of them at the destination."""
    grow(world, 97)
    world.sync_with(batch_rows=100)
    world.apply(webhook)
    return world


def test_a_first_send_is_held_until_a_person_releases_it(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    limited(world, is_first_send_held=True)
    plan = world.plan()

    with pytest.raises(PlanHeld, match=f"ever sent.*release {plan.plan_id}"):
        world.apply(webhook, plan)
    assert receiver.requests == []

    release(world, plan.plan_id)
    assert world.apply(webhook, plan).acknowledged == 3
    world.add("galina")
    assert holds(world) == []


def test_an_empty_audience_is_held_and_not_an_empty_plan(
    large: World, webhook: WebhookDestination
) -> None:
    large.execute("delete from audience_winback")
    found = holds(large)

    assert [message.split(" (")[0] for message in found] == [
        "the audience has 0 members to send, fewer than 1",
        "it removes 100 members where the destination holds 100, more than 0.2 of them",
    ]
    assert "(least_members)" in found[0]
    limited(large, least_members=0, most_removed=1.0)
    large.apply(webhook)
    limited(large, least_members=1)
    assert holds(large) == []


@pytest.mark.parametrize(
    ("leaving", "is_held"), [(20, False), (21, True)], ids=["a fifth", "one more"]
)
def test_a_share_is_meant_to_the_last_member(
    large: World, leaving: int, is_held: bool
) -> None:
    large.execute(
        "delete from audience_winback where customer_id in"
        " (select concat('p', i) from range(?) t(i))",
        [leaving],
    )

    assert bool(holds(large)) is is_held


def test_people_who_took_back_their_consent_leave_beyond_the_limit_of_removals(
    large: World, webhook: WebhookDestination
) -> None:
    large.execute(
        "update customer_consents set is_granted = false where customer_id in"
        " (select concat('p', i) from range(50) t(i))"
    )
    assert holds(large) == []

    large.execute("update customer_consents set is_granted = false")
    assert any("withdraws 100 members" in message for message in holds(large))


def test_a_share_that_changes_at_once_is_held(large: World) -> None:
    large.execute("update audience_winback set first_name = 'Q' where email like 'p%'")

    assert [message.partition(",")[0] for message in holds(large)] == [
        "it changes 97 members where the destination holds 100"
    ]


def test_a_runaway_audience_is_held(large: World) -> None:
    grow(large, 0)
    large.execute(
        "insert into audience_winback select concat('x', customer_id),"
        " concat('x', email), first_name, decision from audience_winback"
    )
    large.execute(
        "insert into audience_winback values ('extra', 'extra@mail.ru', 'E', 'send')"
    )
    large.execute(
        "insert into customer_consents select customer_id, 'email', sha256(email),"
        " 'marketing', true, null, '2026-10-01' from audience_winback"
        " where customer_id like 'x%' or customer_id = 'extra'"
    )

    assert [message.partition(",")[0] for message in holds(large)] == [
        "it adds 101 members where the destination holds 100"
    ]


def test_ten_members_are_never_too_many(
    world: World, webhook: WebhookDestination
) -> None:
    world.apply(webhook)
    world.drop("anna")
    world.drop("boris")

    assert holds(world) == []


def test_other_fields_than_before_are_held(
    world: World, webhook: WebhookDestination
) -> None:
    world.apply(webhook)
    world.execute(
        "alter table audience_winback"
        " alter first_name type integer using length(first_name)"
    )

    assert holds(world) == [
        "what is sent has other fields: email text, first_name text before,"
        " email text, first_name number|text now"
    ]


def test_a_release_covers_what_was_seen_and_no_more(
    world: World, webhook: WebhookDestination
) -> None:
    limited(world, is_first_send_held=True)
    release(world, world.plan().plan_id)
    world.add("galina")

    with pytest.raises(PlanHeld):
        world.apply(webhook)

    world.drop("galina")
    world.drop("vera")
    assert world.apply(webhook).acknowledged == 2


def test_a_release_covers_what_a_crash_left(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    grow(world, 97)
    limited(world, is_first_send_held=True)
    world.sync_with(batch_rows=40)
    release(world, world.plan().plan_id)
    receiver.faults = [lambda: None, 500, 500, 500, 500]

    assert world.apply(webhook).problem
    assert holds(world), "sixty where forty are held are too many to add"
    world.apply(webhook)
    assert len(world.held()) == 100


def test_the_rest_of_a_plan_that_nothing_held_is_not_held_after_a_crash(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    grow(world, 97)
    world.sync_with(batch_rows=40)
    receiver.faults = [lambda: None, 500, 500, 500, 500]

    assert world.apply(webhook).problem
    assert world.apply(webhook).problem is None
    assert len(world.held()) == 100


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("unknown", "there is no plan"),
        ("free", "nothing holds"),
        ("gone", "superseded"),
    ],
)
def test_only_a_held_plan_can_be_released(
    world: World, state: str, message: str
) -> None:
    limited(world, is_first_send_held=state != "free")
    plan_id = world.plan().plan_id
    if state == "gone":
        world.add("galina")
        world.plan()

    with pytest.raises(guards.ReleaseRefused, match=message):
        release(world, "0" * 16 if state == "unknown" else plan_id)


def test_a_release_says_who_when_and_why(
    world: World,
) -> None:
    limited(world, is_first_send_held=True)
    plan_id = world.plan().plan_id
    release(world, plan_id)

    assert world.state("select plan_id, released_by, reason from releases") == [
        (plan_id, "olga", "checked")
    ]
