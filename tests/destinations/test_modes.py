"""What leaves in which mode, of which fields, under which name."""

from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import Rate
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.mapping import (
    FieldMapping,
    MappingError,
    read_field,
)
from orchestration.lib.activation.plan import Plan, changed_fields, left_out
from orchestration.lib.activation.state import opened
from tests.destinations.conftest import World
from tests.destinations.receiver import Receiver
from tests.destinations.test_guards import grow


def use(world: World, **fields: Any) -> None:
    world.sync_with(fields=tuple(read_field(*each) for each in fields.items()))


def rename(world: World, name: str | None, customer: str = "anna") -> None:
    world.execute(
        "update audience_winback set first_name = ? where customer_id = ?",
        [name, customer],
    )


def operations(plan: Plan) -> tuple[int, int, int]:
    return plan.adds, plan.changes, plan.removes


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("mirror", (1, 1, 1)),
        ("upsert", (1, 1, 0)),
        ("append", (1, 1, 0)),
        ("create", (1, 0, 0)),
    ],
)
def test_what_a_mode_does_with_who_comes_changes_and_goes(
    world: World, webhook: WebhookDestination, mode: str, expected: tuple[int, int, int]
) -> None:
    world.sync_with(mode=mode)
    world.apply(webhook)
    world.add("zoya")
    rename(world, "Anya")
    world.drop("boris")

    assert operations(world.plan()) == expected


@pytest.mark.parametrize("mode", ["mirror", "upsert", "append", "create", "update"])
def test_whoever_takes_back_their_consent_is_removed_in_every_mode(
    world: World, webhook: WebhookDestination, receiver: Receiver, mode: str
) -> None:
    world.apply(webhook)
    world.sync_with(mode=mode)
    world.execute(
        "update customer_consents set is_granted = false where customer_id = 'vera'"
    )

    world.apply(webhook)

    assert set(receiver.members) == {"anna", "boris"}


def test_update_changes_who_is_there_and_creates_nobody(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.members = {"anna": {"email": "old"}}
    world.sync_with(mode="update")

    applied = world.apply(webhook)

    assert applied.is_complete
    assert (applied.acknowledged, applied.absent) == (1, 2)
    assert set(receiver.members) == world.held() == {"anna"}
    assert world.plan().changes == 2, "who is absent is asked for again"


def test_a_name_that_we_do_not_know_does_not_empty_theirs(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    """segment-docs #7015: nulls overwrote the phone that a person had typed there."""
    receiver.members = {"anna": {"first_name": "Anna Petrovna"}}
    rename(world, None)

    world.apply(webhook)

    assert receiver.members["anna"] == {
        "first_name": "Anna Petrovna",
        "email": "anna@mail.ru",
    }


def test_a_null_empties_the_field_where_that_is_asked_for(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    use(world, email="email", first_name={"column": "first_name", "nulls": "clear"})
    world.apply(webhook)
    rename(world, None)

    world.apply(webhook)

    assert receiver.members["anna"]["first_name"] is None


def test_a_member_without_a_value_that_must_be_there_is_left_out(
    world: World,
) -> None:
    use(world, email="email", first_name={"column": "first_name", "nulls": "refuse"})
    rename(world, None)

    plan = world.plan()

    assert plan.adds == 2
    with opened(world.activation, world.marts) as connection:
        assert left_out(connection, plan.plan_id) == {"no_first_name": 1}


def test_constants_and_templates_are_sent(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    use(
        world,
        EMAIL="email",
        SOURCE={"constant": "crm360's"},
        RANK={"constant": 3},
        VIP={"constant": True},
        GREETING={"template": "Dear {first_name}, {{sale}}!"},
    )
    rename(world, None, "vera")

    world.apply(webhook)

    assert receiver.members["anna"] == {
        "EMAIL": "anna@mail.ru",
        "SOURCE": "crm360's",
        "RANK": 3,
        "VIP": True,
        "GREETING": "Dear anna, {sale}!",
    }
    assert "GREETING" not in receiver.members["vera"]


def test_an_apostrophe_stays_one(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    """Multiwoven's user_mapping.rb doubled it for every destination."""
    rename(world, "O'Brien")

    world.apply(webhook)

    assert receiver.members["anna"]["first_name"] == "O'Brien"


def test_a_plan_says_which_fields_it_changes(
    world: World, webhook: WebhookDestination
) -> None:
    world.apply(webhook)
    rename(world, "Anya")
    rename(world, "Vera", "vera")

    plan = world.plan()

    with opened(world.activation, world.marts) as connection:
        assert changed_fields(connection, plan.plan_id) == {"first_name": 2}
    ((before, after),) = world.state(
        "select before_hash, after_hash from plan_fields"
        " where key_hash = sha256('anna')"
    )
    assert before != after
    assert len(before) == len(after) == 8


def test_equal_values_of_two_members_have_different_hashes(
    world: World, webhook: WebhookDestination
) -> None:
    rename(world, "Vera", "anna")
    rename(world, "Vera", "vera")

    world.apply(webhook)

    hashes = world.state(
        "select held_field_hashes ->> 'first_name' from members"
        " where customer_id in ('anna', 'vera')"
    )
    assert len(set(hashes)) == 2


def test_a_plan_says_what_it_takes(world: World) -> None:
    grow(world, 97)
    world.sync_with(
        batch_rows=2,
        rates=(Rate(requests=10, seconds=1), Rate(requests=20, seconds=60)),
    )

    plan = world.plan()

    assert plan.requests == 50
    assert plan.least_seconds == 90.0, "twenty at once, thirty at twenty a minute"


# -- who is known by their contact --------------------------------------------------


@pytest.fixture
def by_contact(world: World) -> World:
    """Members whom the destination knows by a hash of their address."""
    world.sync_with(key="md5(lower({email}))")
    return world


def test_another_address_is_a_removal_and_an_addition(
    by_contact: World, webhook: WebhookDestination
) -> None:
    by_contact.apply(webhook)
    by_contact.execute(
        "update audience_winback set email = 'new@mail.ru' where customer_id = 'anna';"
        "update customer_consents set contact_point_hash = sha256('new@mail.ru')"
        " where customer_id = 'anna'"
    )

    plan = by_contact.plan()

    assert operations(plan) == (1, 0, 1)
    assert by_contact.state(
        "select operation, reason from plan_rows"
        f" where plan_id = '{plan.plan_id}' order by operation"
    ) == [("add", None), ("remove", "contact_changed")]


def test_two_customers_with_one_address_are_one_member(by_contact: World) -> None:
    by_contact.execute(
        "update audience_winback set email = 'anna@mail.ru' where customer_id = 'vera';"
        "update customer_consents set contact_point_hash = sha256('anna@mail.ru')"
        " where customer_id = 'vera'"
    )

    plan = by_contact.plan()

    assert (plan.adds, plan.left_out) == (2, 1)
    assert by_contact.state(
        "select customer_id, reason from plan_rows where operation = 'left_out'"
    ) == [("vera", "contact_of_another")]


def test_the_one_who_may_be_written_to_goes_before_the_one_who_may_not(
    by_contact: World,
) -> None:
    by_contact.execute(
        "update audience_winback set email = 'vera@mail.ru' where customer_id = 'anna'"
    )

    assert by_contact.plan().adds == 2, "anna has no consent for vera's address"


def test_a_merge_of_two_customers_moves_nobody_who_is_known_by_their_address(
    by_contact: World, webhook: WebhookDestination
) -> None:
    by_contact.apply(webhook)
    by_contact.execute(
        "update audience_winback set customer_id = 'anna2' where customer_id = 'anna';"
        "update customer_consents set customer_id = 'anna2' where customer_id = 'anna'"
    )

    assert by_contact.plan().operations == 0


def test_a_withdrawal_finds_a_contact_that_came_to_another_customer(
    by_contact: World, webhook: WebhookDestination
) -> None:
    by_contact.sync_with(mode="upsert")
    by_contact.apply(webhook)
    by_contact.execute(
        "update audience_winback set customer_id = 'anna2' where customer_id = 'anna';"
        "update customer_consents set customer_id = 'anna2' where customer_id = 'anna'"
    )
    by_contact.apply(webhook)
    by_contact.execute(
        "update customer_consents set is_granted = false where customer_id = 'anna2'"
    )

    plan = by_contact.plan()

    assert plan.removes == 1


def test_who_has_no_contact_is_left_out(by_contact: World) -> None:
    by_contact.sync_with(key="md5({first_name})")
    rename(by_contact, None)

    assert by_contact.plan().left_out == 1


# -- what cannot be ---------------------------------------------------------------


def test_a_mapping_without_what_the_destination_knows_members_by_is_refused(
    world: World,
) -> None:
    world.sync_with(key="md5({email})")
    use(world, first_name="first_name")

    with pytest.raises(MappingError, match="needs the fields email"):
        _ = world.sync.mapping


def test_a_field_is_not_emptied_where_that_cannot_be(world: World) -> None:
    world.sync_with(can_clear=False)
    use(world, email={"column": "email", "nulls": "clear"})

    with pytest.raises(MappingError, match="cannot empty a field"):
        _ = world.sync.mapping


@pytest.mark.parametrize(
    ("there", "found"),
    [
        ({"email": "text", "first_name": "text", "more": "date"}, []),
        ({"email": "text"}, ["it has no field first_name"]),
        (
            {"email": "number", "first_name": "text"},
            ["its field email takes a number, and is sent a text"],
        ),
    ],
)
def test_the_fields_there_and_here_must_fit(
    world: World, there: Any, found: list[str]
) -> None:
    mapping: FieldMapping = world.sync.mapping
    types = {"email": "varchar", "first_name": "varchar"}

    assert mapping.disagreements(types, there) == found
