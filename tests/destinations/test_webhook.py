"""The webhook destination against a receiver with faults."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from orchestration.lib.activation.destinations.base import Answers, Batch, Row
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from tests.destinations.conformance import ask
from tests.destinations.conftest import World, webhook_to
from tests.destinations.receiver import Receiver
from tests.destinations.test_guards import grow


class Killed(BaseException):
    """Stands for the end of the process at this place."""


def test_members_arrive_in_batches_and_are_acknowledged_one_by_one(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    applied = world.apply(webhook)

    assert applied.is_complete
    assert applied.acknowledged == 3
    assert [len(each["body"]["rows"]) for each in receiver.requests] == [2, 1]
    assert receiver.members["anna"] == {"email": "anna@mail.ru", "first_name": "anna"}
    assert world.held() == {"anna", "boris", "vera"}


def test_a_second_run_without_a_change_sends_nothing(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.apply(webhook)
    sent = len(receiver.requests)

    plan = world.plan()
    applied = world.apply(webhook, plan)

    assert plan.operations == 0
    assert plan.unchanged == 3
    assert applied.is_complete
    assert len(receiver.requests) == sent


def test_a_change_sends_one_member(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.apply(webhook)
    receiver.requests.clear()
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )

    world.apply(webhook)

    (request,) = receiver.requests
    assert [row["customer_id"] for row in request["body"]["rows"]] == ["anna"]
    assert receiver.members["anna"]["first_name"] == "Anya"


def test_a_person_who_leaves_is_removed(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    """Multiwoven's sync_record.rb knows inserts and updates: nobody ever leaves."""
    world.apply(webhook)
    world.drop("boris")

    plan = world.plan()
    world.apply(webhook, plan)

    assert plan.removes == 1
    assert set(receiver.members) == {"anna", "vera"}
    assert world.held() == {"anna", "vera"}


def test_a_withdrawn_consent_removes_and_needs_none_to_do_so(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.apply(webhook)
    world.execute(
        "update customer_consents set is_granted = false where customer_id = 'vera'"
    )

    world.apply(webhook)

    assert set(receiver.members) == {"anna", "boris"}


def test_who_leaves_and_comes_back_is_added_again(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.apply(webhook)
    world.drop("boris")
    world.apply(webhook)
    world.execute(
        "insert into audience_winback"
        " values ('boris', 'boris@mail.ru', 'boris', 'send')"
    )

    assert world.apply(webhook).is_complete

    assert set(receiver.members) == {"anna", "boris", "vera"}


def test_removals_go_before_additions(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.apply(webhook)
    receiver.requests.clear()
    world.drop("anna")
    world.add("zoya")

    world.apply(webhook)

    operations = [
        row["operation"]
        for request in receiver.requests
        for row in request["body"]["rows"]
    ]
    assert operations == ["remove", "upsert"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_passing_failure_is_tried_again_under_the_same_id(
    world: World, webhook: WebhookDestination, receiver: Receiver, status: int
) -> None:
    receiver.faults = [status]

    applied = world.apply(webhook)

    assert applied.is_complete
    first, again, _ = (request["id"] for request in receiver.requests)
    assert first == again
    assert set(receiver.effects.values()) == {1}


def test_a_destination_that_never_answers_leaves_its_members_in_doubt(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.faults = ["drop", "drop"]

    applied = world.apply(webhook)

    assert not applied.is_complete
    assert (applied.unknown, applied.acknowledged) == (2, 1)
    assert "no answer after 2 attempts (ReadTimeout)" in (applied.problem or "")
    assert len(world.held()) == 1, "one silence does not keep the next from leaving"
    outcomes = world.state(
        "select outcome, count(*) from attempts group by 1 order by 1"
    )
    assert outcomes == [("acknowledged", 1), ("sending", 3), ("unknown", 2)]


def test_three_silences_in_a_row_are_enough(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.sync_with(batch_rows=1)
    world.add("galina")
    receiver.faults = [500] * 6

    applied = world.apply(webhook)

    assert (applied.unknown, applied.acknowledged) == (3, 0)
    assert applied.problem == "crm: no answer after 2 attempts (http 500)"
    assert world.apply(webhook).acknowledged == 4


def test_what_arrived_without_an_answer_is_repeated_without_a_second_effect(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.faults = ["hang", "hang"]
    world.apply(webhook)

    applied = world.apply(webhook)

    assert applied.is_complete
    assert set(receiver.effects.values()) == {1}
    assert world.held() == {"anna", "boris", "vera"}


def test_who_is_in_doubt_and_leaves_is_removed(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.faults = ["hang", "hang"]
    world.apply(webhook)
    arrived = sorted(receiver.members)
    world.drop(arrived[0])

    world.apply(webhook)

    assert set(receiver.members) == {"anna", "boris", "vera"} - {arrived[0]}
    assert world.held() == set(receiver.members)


def test_a_change_that_is_taken_back_while_it_is_in_doubt_is_taken_back_there(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.sync_with(batch_rows=10)
    for first_name in ("Anna", "Anya", "Anna"):
        world.execute(
            "update audience_winback set first_name = ? where customer_id = 'anna'",
            [first_name],
        )
        receiver.faults = ["html"]
        world.apply(webhook)

    applied = world.apply(webhook)

    assert applied.is_complete
    assert receiver.members["anna"]["first_name"] == "Anna"


def test_who_is_refused_after_an_unanswered_request_may_still_be_there(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.sync_with(batch_rows=10)
    receiver.faults = ["html"]
    world.apply(webhook)
    receiver.poison("anna")
    for _ in range(2):
        assert world.apply(webhook).rejected == 1
    receiver.poison()
    world.drop("anna")

    applied = world.apply(webhook)

    assert applied.is_complete
    assert set(receiver.members) == {"boris", "vera"}


def test_a_crash_after_sending_is_followed_by_a_plain_rerun(
    world: World, receiver: Receiver
) -> None:
    class Crashing(WebhookDestination):
        def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
            super().send(batch, remember_job)
            raise Killed

    whole = webhook_to(receiver.url)
    with pytest.raises(Killed):
        world.apply(Crashing("crm", whole.options, {}, Path()))

    assert world.apply(whole).is_complete

    assert set(receiver.effects.values()) == {1}
    assert world.held() == set(receiver.members) == {"anna", "boris", "vera"}


def test_a_page_instead_of_an_answer_answers_nobody(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.faults = ["html"]

    applied = world.apply(webhook)

    assert not applied.is_complete
    assert (applied.acknowledged, applied.unknown) == (1, 2)
    assert "what is no JSON" in (applied.problem or "")


def test_a_member_that_the_answer_does_not_name_is_sent_again(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    """valmi repeats the whole write, up to a hundred times; here it is one row."""
    receiver.faults = ["forget"]
    applied = world.apply(webhook)
    assert (applied.acknowledged, applied.unknown) == (2, 1)
    receiver.requests.clear()

    again = world.apply(webhook)

    assert again.is_complete
    (request,) = receiver.requests
    assert len(request["body"]["rows"]) == 1


def test_a_rejected_member_is_tried_again_with_its_latest_value(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.reject("anna")
    applied = world.apply(webhook)
    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert world.state(
        "select error_code from attempts where outcome = 'rejected'"
    ) == [("no_room",)]
    receiver.reject()
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )

    assert world.apply(webhook).is_complete

    assert receiver.members["anna"]["first_name"] == "Anya"


def test_a_batch_that_is_refused_is_halved_until_the_bad_row_is_alone(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.sync_with(batch_rows=100)
    grow(world, 29)
    receiver.poison("vera")

    applied = world.apply(webhook)

    assert (applied.acknowledged, applied.rejected, applied.unknown) == (31, 1, 0)
    assert world.held() == set(receiver.members)
    assert "vera" not in receiver.members
    assert len(receiver.requests) == 11, "one, and two halves five times"
    assert world.state(
        "select customer_id, error_code from attempts where outcome = 'rejected'"
    ) == [("vera", "bad_row")]


def test_what_was_refused_goes_last_so_that_it_spoils_few_requests(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.reject("anna")
    world.apply(webhook)
    receiver.requests.clear()
    world.add("zoya")

    plan = world.plan()
    world.sync_with(batch_rows=1)
    world.apply(webhook)

    assert plan.retries == 1
    asked = [each["body"]["rows"][0]["customer_id"] for each in receiver.requests]
    assert asked == ["zoya", "anna"]


def test_a_destination_that_refuses_everything_is_not_asked_for_every_row(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    world.sync_with(batch_rows=500)
    grow(world, 200)
    names = [f"p{number}" for number in range(200)]
    receiver.poison(*names, "anna", "boris", "vera")

    applied = world.apply(webhook)

    assert applied.problem == "crm: it refuses everything (bad_row)"
    assert len(receiver.requests) == 64


def test_refused_credentials_stop_at_once_and_leave_nobody_in_doubt(
    world: World, webhook: WebhookDestination, receiver: Receiver
) -> None:
    receiver.faults = [401]

    applied = world.apply(webhook)

    assert applied.problem == "crm: http 401, it refuses the credentials"
    assert (applied.sent, len(receiver.requests)) == (0, 1)
    assert world.plan().retries == 0
    assert world.apply(webhook).acknowledged == 3


def test_no_destination_at_all_is_a_clear_problem(world: World) -> None:
    applied = world.apply(webhook_to("http://127.0.0.1:1/x"))

    assert applied.problem == "crm: no answer after 2 attempts (ConnectError)"


def test_requests_are_signed_after_standard_webhooks(receiver: Receiver) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    row = Row(
        operation="add",
        customer_id="c_1",
        remote_key="c_1",
        fields={"email": "anna@mail.ru"},
        idempotency_key="k",
    )

    webhook_to(receiver.url, secret).send(
        Batch(audience="winback", mode="mirror", idempotency_key="id-1", rows=[row]),
        lambda job: None,
    )

    (request,) = receiver.requests
    body = json.dumps(request["body"], ensure_ascii=False, separators=(",", ":"))
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert Webhook(secret).verify(body, headers) == request["body"]


def test_a_receiver_that_cannot_say_who_withdrew_does_not_count_as_asked(
    world: World, webhook: WebhookDestination
) -> None:
    assert ask(world, webhook) == 0

    assert world.state("select * from inquiries") == []
