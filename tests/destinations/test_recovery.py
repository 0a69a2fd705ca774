"""What becomes of who is in doubt, held, suppressed, or known from an older state."""

from collections.abc import Callable
from typing import Any

import duckdb
import pytest

from orchestration.lib.activation.apply import PlanHeld
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    Capabilities,
    Destination,
    InDoubt,
    Options,
)
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.feedback import copy_feedback
from orchestration.lib.activation.plan import PlanRefused
from tests.destinations.conftest import World
from tests.destinations.receiver import Receiver
from tests.destinations.test_guards import grow, limited, release


class Memory(Destination[Options]):
    """A destination that does as its test says, and remembers its batches."""

    options_type = Options

    @classmethod
    def capabilities(cls, options: Options) -> Capabilities:
        return Capabilities(in_doubt_by="state")

    def __init__(self, **said: Any) -> None:
        super().__init__("memory", Options(), {}, None)  # type: ignore[arg-type]
        self.batches: list[Batch] = []
        self.jobs: dict[str, Answers | None] = {}
        self.recovered: list[str] = []
        self.said: list[Any] = [said] if said else []

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        self.batches.append(batch)
        said = self.said.pop(0) if self.said else {}
        if "job" in said:
            remember_job(said["job"])
        if "raises" in said:
            raise said["raises"]
        return said.get("answers", {row.remote_key: ACKNOWLEDGED for row in batch.rows})

    def recover(self, job: str, batch: Batch) -> Answers | None:
        self.recovered.append(job)
        assert all(row.fields is None for row in batch.rows)
        return self.jobs[job]


def names(batch: Batch) -> set[str]:
    return {row.customer_id for row in batch.rows}


# -- in doubt ---------------------------------------------------------------------


def test_where_nothing_can_be_known_nobody_is_written_to_twice(world: World) -> None:
    world.sync_with(
        in_doubt_by="none", mode="create", can_remove=False, batch_rows=2, modes=()
    )
    gateway = Memory(raises=InDoubt("silence"))
    world.apply(gateway)
    lost = names(gateway.batches[0])

    world.apply(gateway)
    plan = world.plan()

    assert [names(batch) & lost for batch in gateway.batches[1:]] == [set()]
    assert plan.operations == 0
    assert world.state(
        "select customer_id, reason from plan_rows"
        f" where plan_id = '{plan.plan_id}' order by customer_id"
    ) == [(name, "in_doubt") for name in sorted(lost)]


def test_a_message_is_asked_for_again_under_its_own_key_whatever_it_says_now(
    world: World,
) -> None:
    world.sync_with(in_doubt_by="key", mode="create", batch_rows=10)
    gateway = Memory(raises=InDoubt("silence"))
    world.apply(gateway)
    world.execute("update audience_winback set first_name = 'Another'")
    world.drop("vera")

    world.apply(gateway)

    first, second = (
        {row.customer_id: row.idempotency_key for row in batch.rows}
        for batch in gateway.batches
    )
    del first["vera"]
    assert first == second


def test_another_state_of_a_member_is_asked_for_under_another_key(
    world: World,
) -> None:
    gateway = Memory(raises=InDoubt("silence"))
    world.sync_with(batch_rows=10)
    world.apply(gateway)
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )

    world.apply(gateway)

    first, second = (
        {row.customer_id: row.idempotency_key for row in batch.rows}
        for batch in gateway.batches
    )
    assert {name for name in first if first[name] != second[name]} == {"anna"}


def test_who_was_added_removed_and_added_again_has_three_keys(world: World) -> None:
    gateway = Memory()
    world.sync_with(batch_rows=10)
    world.apply(gateway)
    world.drop("anna")
    world.apply(gateway)
    world.execute(
        "insert into audience_winback values ('anna', 'anna@mail.ru', 'anna', 'send')"
    )
    world.apply(gateway)

    keys = [
        row.idempotency_key
        for batch in gateway.batches
        for row in batch.rows
        if row.customer_id == "anna"
    ]
    assert len(set(keys)) == 3


def test_a_job_is_asked_for_before_anything_is_planned(world: World) -> None:
    world.sync_with(in_doubt_by="job", batch_rows=10)
    vendor = Memory(job="job-1", raises=InDoubt("silence"))
    assert world.apply(vendor).unknown == 3
    vendor.jobs["job-1"] = {
        "anna": ACKNOWLEDGED,
        "boris": Answer(outcome="rejected", error_code="bad_email"),
    }

    applied = world.apply(vendor)

    assert vendor.recovered == ["job-1"]
    assert names(vendor.batches[1]) == {"boris", "vera"}, "she was not answered for"
    assert applied.acknowledged == 2
    assert world.held() == {"anna", "boris", "vera"}


def test_jobs_that_go_on_when_the_run_ends_do_not_keep_the_rest_from_leaving(
    world: World,
) -> None:
    world.sync_with(in_doubt_by="job", batch_rows=1)
    for number in range(3):
        world.add(f"p{number}")
    vendor = Memory()
    vendor.said = [
        {"job": f"job-{number}", "raises": InDoubt("not yet")} for number in range(4)
    ]

    applied = world.apply(vendor)

    assert (applied.unknown, applied.acknowledged) == (4, 2)


def test_what_a_job_says_of_a_contact_is_heard_when_it_is_asked_later(
    world: World,
) -> None:
    world.sync_with(in_doubt_by="job", batch_rows=10)
    vendor = Memory(job="job-1", raises=InDoubt("silence"))
    world.apply(vendor)
    vendor.jobs["job-1"] = {
        "anna": Answer(outcome="rejected", error_code="no", feedback="invalid")
    }

    world.apply(vendor)

    assert names(vendor.batches[1]) == {"boris", "vera"}


def test_a_job_that_nobody_knows_is_sent_again(world: World) -> None:
    world.sync_with(in_doubt_by="job", batch_rows=10)
    vendor = Memory(job="job-1", raises=InDoubt("silence"))
    world.apply(vendor)
    vendor.jobs["job-1"] = None

    assert world.apply(vendor).acknowledged == 3


def test_a_change_that_was_refused_does_not_hide_that_somebody_is_there(
    world: World,
) -> None:
    """Multiwoven: an update that fails leaves a status that forgets the insert."""
    world.sync_with(batch_rows=10)
    vendor = Memory()
    world.apply(vendor)
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )
    vendor.said = [{"answers": {"anna": Answer(outcome="rejected", error_code="no")}}]
    world.apply(vendor)
    world.drop("anna")

    plan = world.plan()
    world.apply(vendor)

    assert plan.removes == 1
    assert world.held() == {"boris", "vera"}


def test_one_success_in_a_batch_is_one_success(world: World) -> None:
    """Multiwoven's process_batch_records made it one of every row."""
    world.sync_with(batch_rows=10)
    vendor = Memory(answers={"anna": ACKNOWLEDGED})

    applied = world.apply(vendor)

    assert (applied.acknowledged, applied.unknown) == (1, 2)
    assert world.held() == {"anna"}


def test_a_row_that_was_refused_is_tried_for_ever_with_its_latest_value(
    world: World,
) -> None:
    """Multiwoven 923, drt's dead letters: refused once, skipped or stale for ever."""
    world.sync_with(batch_rows=10)
    refused = {"answers": {"anna": Answer(outcome="rejected", error_code="no")}}
    vendor = Memory()
    vendor.said = [refused, refused, refused]
    for number in range(4):
        world.execute(
            "update audience_winback set first_name = ? where customer_id = 'anna'",
            [f"Anna {number}"],
        )
        world.apply(vendor)

    asked = [
        row.fields
        for batch in vendor.batches
        for row in batch.rows
        if row.customer_id == "anna"
    ]
    assert [each and each["first_name"] for each in asked] == [
        "Anna 0", "Anna 1", "Anna 2", "Anna 3",
    ]  # fmt: skip
    assert "anna" in world.held()


# -- held -------------------------------------------------------------------------


@pytest.fixture
def held(world: World, webhook: WebhookDestination) -> World:
    """A hundred at the destination; thirty leave, and five took back their consent."""
    grow(world, 97)
    world.sync_with(batch_rows=100)
    world.apply(webhook)
    world.execute(
        "delete from audience_winback where customer_id in"
        " (select concat('p', i) from range(30) t(i));"
        "update customer_consents set is_granted = false where customer_id in"
        " (select concat('p', i) from range(90, 95) t(i))"
    )
    return world


def test_of_a_held_plan_leaves_who_may_not_be_written_to(
    held: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    with pytest.raises(PlanHeld, match=r"Of 5 members who may not .* 5 were removed"):
        held.apply(webhook)

    assert len(receiver.members) == len(held.held()) == 95
    assert held.plan().removes == 30


def test_a_release_that_names_the_rest_sends_it(
    held: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    with pytest.raises(PlanHeld) as error:
        held.apply(webhook)
    plan_id = held.plan().plan_id
    assert f"crm360 release {plan_id}" in str(error.value)

    release(held, plan_id)
    held.apply(webhook)

    assert len(receiver.members) == 65


def test_a_mass_of_withdrawals_is_held_itself(
    held: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    limited(held, most_withdrawn=0.01)
    held.execute(
        "update customer_consents set is_granted = false where customer_id in"
        " (select concat('p', i) from range(40, 60) t(i))"
    )

    with pytest.raises(PlanHeld, match="withdraws 25"):
        held.apply(webhook)

    assert len(receiver.members) == 100


# -- what a destination knows of a contact ------------------------------------------


@pytest.mark.parametrize(
    "feedback", ["unsubscribed", "bounced", "complained", "invalid"]
)
def test_a_contact_that_is_not_to_be_written_to_is_not_asked_for_again(
    world: World, feedback: Any
) -> None:
    """jethro-pmm#656: "Member In Compliance State" broke the sync every night."""
    world.sync_with(batch_rows=10)
    answer = Answer(outcome="rejected", error_code="no", feedback=feedback)
    vendor = Memory(
        answers={"anna": answer, "boris": ACKNOWLEDGED, "vera": ACKNOWLEDGED}
    )
    world.apply(vendor)

    applied = world.apply(vendor)

    assert applied.is_complete
    assert applied.sent == 0
    assert world.plan().left_out == 1
    assert world.state(
        "select contact_hash = sha256('anna@mail.ru'), channel, reason, destination"
        " from suppressions"
    ) == [(True, "email", feedback, "crm")]


def test_a_consent_of_an_unknown_time_does_not_outlive_a_feedback(world: World) -> None:
    world.sync_with(batch_rows=10)
    world.execute("update customer_consents set decided_at = null")
    vendor = Memory(
        answers={
            "anna": Answer(outcome="rejected", error_code="no", feedback="bounced"),
            "boris": ACKNOWLEDGED,
            "vera": ACKNOWLEDGED,
        }
    )

    world.apply(vendor)

    assert world.plan().left_out == 1


def test_a_consent_that_is_given_later_lets_them_come_back(world: World) -> None:
    world.sync_with(batch_rows=10)
    answer = Answer(outcome="rejected", error_code="no", feedback="unsubscribed")
    vendor = Memory(answers={"anna": answer})
    world.apply(vendor)
    world.execute(
        "update customer_consents set decided_at = '2100-01-01'"
        " where customer_id = 'anna'"
    )

    world.apply(vendor)

    assert "anna" in world.held()


def test_the_models_get_what_destinations_said(world: World) -> None:
    world.sync_with(batch_rows=10)
    answer = Answer(outcome="rejected", error_code="no", feedback="bounced")
    world.apply(Memory(answers={"anna": answer}))

    with duckdb.connect() as warehouse:
        warehouse.execute("create schema quality")
        copy_feedback(warehouse, world.home / "absent.duckdb")
        assert warehouse.sql("from quality.contact_feedback").fetchall() == []
        for _ in range(2):
            copy_feedback(warehouse, world.activation)
        found = warehouse.sql(
            "select contact_hash = sha256('anna@mail.ru'), channel, reason, destination"
            " from quality.contact_feedback"
        ).fetchall()

    assert found == [(True, "email", "bounced", "crm")]


def test_fields_that_the_destination_does_not_have_stop_the_plan(world: World) -> None:
    vendor = Memory()
    vendor.fields = lambda: {"email": "text"}  # type: ignore[method-assign]

    with pytest.raises(PlanRefused, match=r"no field first_name\. Nothing was sent"):
        world.apply(vendor)

    assert vendor.batches == []


# -- an older state -----------------------------------------------------------------


def test_a_state_from_before_is_taken_over(world: World) -> None:
    payload = '{"email":"anna@mail.ru","first_name":"anna"}'
    with duckdb.connect(str(world.activation)) as connection:
        connection.execute(
            """
            create table acknowledged as select
                'crm' as destination, 'winback' as audience, 'anna' as customer_id,
                sha256('anna') as key_hash, sha256(?) as payload_hash,
                timestamp '2026-10-01' as acknowledged_at
            """,
            [payload],
        )
        connection.execute(
            """
            create table plans (
                plan_id varchar primary key, audience varchar, destination varchar,
                as_of date, status varchar, adds bigint, changes bigint,
                removes bigint, unchanged bigint, left_out bigint,
                created_at timestamp, applied_at timestamp
            );
            insert into plans values (
                'p', 'winback', 'crm', '2026-10-01', 'applied', 1, 0, 0, 0, 0,
                '2026-10-01', '2026-10-01'
            );
            create table plan_rows (
                plan_id varchar, operation varchar, customer_id varchar,
                key_hash varchar, payload_hash varchar, reason varchar
            );
            create table batches (
                idempotency_key varchar primary key, plan_id varchar, audience varchar,
                destination varchar, row_count bigint, state varchar,
                sent_at timestamp, answered_at timestamp
            );
            create table attempts (
                attempt_id bigint, plan_id varchar, destination varchar,
                audience varchar, operation varchar, customer_id varchar,
                key_hash varchar, payload_hash varchar, outcome varchar,
                error_code varchar, attempted_at timestamp, idempotency_key varchar
            );
            insert into attempts values (
                1, 'p', 'crm', 'winback', 'add', 'anna', sha256('anna'), 'h',
                'acknowledged', null, '2026-10-01', 'k'
            )
            """
        )
    world.drop("boris")

    plan = world.plan()
    world.apply(Memory())

    assert (plan.adds, plan.changes, plan.unchanged) == (1, 0, 1)
    assert world.held() == {"anna", "vera"}
    assert world.state("select count(*) from attempts where plan_id = 'p'") == [(1,)]
