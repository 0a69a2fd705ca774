"""What holds for every destination: a suite to inherit.

    class TestMailchimp(Conformance):
        @pytest.fixture
        def subject(self, world: World) -> Iterator[Subject]: ...

`Subject` says how the destination is reached and what it really holds. The members are
those of the fixture `world`; `world.sync` must fit the destination (`use`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import Answers, Batch, Destination
from orchestration.lib.activation.mapping import read_field
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.activation.state import opened
from orchestration.lib.activation.withdrawals import EVER, note_withdrawals
from orchestration.lib.sandbox.faults import EVERY, Fault, Faults
from tests.destinations.conftest import World

#: Somebody unsubscribes at the destination, at a time in UTC.
Withdraw = Callable[[str, datetime], None]


@dataclass(kw_only=True)
class Subject:
    """A destination under test."""

    #: A new connection to the same place.
    connect: Callable[[], Destination[Any]]
    #: Customers that the place holds now, with the first name it has of each.
    members: Callable[[], dict[str, str]]
    faults: Faults = field(default_factory=Faults)
    #: How often each effect that must happen once has happened.
    effects: Callable[[], dict[str, int]] = dict
    #: The same place with credentials that it refuses.
    strange: Callable[[], Destination[Any]] | None = None


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A run that sent nothing, as its plan was refused."""

    problem: str
    sent: int = 0


class Killed(BaseException):
    """Stands for the end of the process at this place."""


def use(world: World, destination: Destination[Any], fields: dict[str, Any]) -> None:
    """Let the world's sync go to this destination with these fields."""
    can = destination.capabilities(destination.options)
    world.sync_with(
        capabilities=can,
        mode=can.modes[0],
        fields=tuple(read_field(name, value) for name, value in fields.items()),
    )


def apply(world: World, subject: Subject) -> Any:
    """One run over a connection of its own."""
    return apply_over(world, subject.connect())


def apply_over(world: World, destination: Destination[Any]) -> Any:
    """One run; a destination that cannot tell its fields refuses the plan."""
    try:
        return world.apply(destination)
    except PlanRefused as refused:
        return Refused(problem=str(refused))
    finally:
        destination.close()


class Conformance:
    """Inherit, and give the fixture `subject`."""

    def test_members_arrive_and_are_acknowledged(
        self, world: World, subject: Subject
    ) -> None:
        assert apply(world, subject).problem is None

        assert subject.members() == {name: name for name in ("anna", "boris", "vera")}
        assert world.held() == {"anna", "boris", "vera"}

    def test_a_second_run_sends_nothing(self, world: World, subject: Subject) -> None:
        apply(world, subject)

        assert apply(world, subject).sent == 0

    def test_a_change_arrives(self, world: World, subject: Subject) -> None:
        if "mirror" not in world.sync.capabilities.modes:
            pytest.skip("it takes a member once")
        apply(world, subject)
        world.execute(
            "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
        )

        assert apply(world, subject).sent == 1

        assert subject.members()["anna"] == "Anya"

    def test_who_leaves_is_removed_and_may_come_back(
        self, world: World, subject: Subject
    ) -> None:
        if not world.sync.capabilities.can_remove:
            pytest.skip("what it has cannot be taken back")
        apply(world, subject)
        world.drop("boris")
        apply(world, subject)
        assert set(subject.members()) == world.held() == {"anna", "vera"}

        world.execute(
            "insert into audience_winback values"
            " ('boris', 'boris@mail.ru', 'boris', 'send')"
        )
        apply(world, subject)

        assert set(subject.members()) == world.held() == {"anna", "boris", "vera"}

    def test_who_takes_back_their_consent_is_removed(
        self, world: World, subject: Subject
    ) -> None:
        if not world.sync.capabilities.can_remove:
            pytest.skip("what it has cannot be taken back")
        apply(world, subject)
        world.execute(
            "update customer_consents set is_granted = false where customer_id = 'vera'"
        )

        apply(world, subject)

        assert set(subject.members()) == {"anna", "boris"}

    def test_nobody_is_sent_without_their_consent(
        self, world: World, subject: Subject
    ) -> None:
        world.execute(
            "update customer_consents set is_granted = null where customer_id = 'vera'"
        )

        apply(world, subject)

        assert set(subject.members()) == {"anna", "boris"}

    @pytest.mark.parametrize(
        ("fault", "place"), [(fault, n % 3) for n, fault in enumerate(EVERY)]
    )
    def test_after_a_fault_a_rerun_ends_where_it_should_and_nothing_happens_twice(
        self, world: World, subject: Subject, fault: Fault, place: int
    ) -> None:
        subject.faults.schedule = [*[None] * place, fault]
        apply(world, subject)
        apply(world, subject)
        world.drop("boris")
        subject.faults.schedule = [*[None] * place, fault]
        apply(world, subject)
        apply(world, subject)

        if world.sync.capabilities.in_doubt_by == "none":
            assert set(subject.members()) >= world.held()
        else:
            stay = {"anna", "vera"}
            if not world.sync.capabilities.can_remove:
                stay.add("boris")
            assert set(subject.members()) == world.held() == stay
        assert max(subject.effects().values(), default=0) <= 1

    @pytest.mark.parametrize(
        ("fault", "place"), [(401, 1), (404, 2), (400, 3), (500, 1), (500, 2)]
    )
    def test_what_was_half_done_when_it_failed_can_still_be_taken_back(
        self, world: World, subject: Subject, fault: Fault, place: int
    ) -> None:
        can = world.sync.capabilities
        if not can.can_remove or can.in_doubt_by == "none":
            pytest.skip("what it may have cannot be taken back")
        subject.faults.schedule = [*[None] * place, *[fault] * 6]
        apply(world, subject)
        subject.faults.schedule = []
        world.drop("boris")
        apply(world, subject)

        assert set(subject.members()) == world.held() == {"anna", "vera"}

    def test_after_a_kill_a_rerun_ends_where_it_should_and_nothing_happens_twice(
        self, world: World, subject: Subject
    ) -> None:
        destination = subject.connect()
        send = destination.send

        def dying(batch: Batch, remember_job: Callable[[str], None]) -> Answers:
            send(batch, remember_job)
            raise Killed

        destination.send = dying  # type: ignore[method-assign]
        with pytest.raises(Killed):
            world.apply(destination)
        destination.close()
        apply(world, subject)

        if world.sync.capabilities.in_doubt_by != "none":
            assert set(subject.members()) == world.held() == {"anna", "boris", "vera"}
        assert max(subject.effects().values(), default=0) <= 1

    def test_refused_credentials_are_told_and_leave_nobody_in_doubt(
        self, world: World, subject: Subject
    ) -> None:
        if subject.strange is None:
            pytest.skip("it asks for no credentials")
        applied = apply_over(world, subject.strange())

        assert "credentials" in (applied.problem or "")
        assert subject.members() == {}
        assert apply(world, subject).problem is None

    def test_no_contact_is_kept_or_told(self, world: World, subject: Subject) -> None:
        subject.faults.schedule = [None, 500, 500, 500, 500]
        problem = apply(world, subject).problem or ""
        apply(world, subject)

        assert "@" not in problem
        assert b"@mail.ru" not in world.activation.read_bytes()
        for (phone,) in world.marts_rows("select phone from audience_winback"):
            assert phone[1:].encode() not in world.activation.read_bytes()


class ContactConformance(Conformance):
    """The same for a place that knows of a member nothing but their contact."""

    def test_a_change_arrives(self, world: World, subject: Subject) -> None:
        """Only contacts are sent: with another address it is another member."""
        apply(world, subject)
        world.drop("anna")
        world.execute(
            "update audience_winback set email = 'anna@mail.ru'"
            " where customer_id = 'vera'"
        )
        world.execute(
            "insert into customer_consents values ('vera', 'email',"
            " sha256('anna@mail.ru'), 'marketing', true, null, '2026-10-02')"
        )

        apply(world, subject)

        assert set(subject.members()) == {"anna", "boris"}


class Asked:
    """What holds for a destination that can be asked who withdrew there.

    Inherit beside `Conformance`, and give the fixture `withdraw`.
    """

    def test_who_withdrew_there_leaves_and_is_not_sent_again(
        self, world: World, subject: Subject, withdraw: Withdraw
    ) -> None:
        apply(world, subject)
        withdraw("anna@mail.ru", datetime(2026, 10, 20, 12))

        assert ask(world, subject.connect()) == 1
        apply(world, subject)

        assert set(subject.members()) == world.held() == {"boris", "vera"}
        noted = world.state("select reason, channel, noted_at from suppressions")
        assert noted == [("unsubscribed", "email", datetime(2026, 10, 20, 12))]

    def test_what_was_told_before_is_not_noted_again(
        self, world: World, subject: Subject, withdraw: Withdraw
    ) -> None:
        withdraw("anna@mail.ru", datetime.now(UTC).replace(tzinfo=None, microsecond=0))

        assert ask(world, subject.connect()) == 1
        assert ask(world, subject.connect()) == 0

    def test_a_newer_consent_overrules_what_was_told(
        self, world: World, subject: Subject, withdraw: Withdraw
    ) -> None:
        withdraw("anna@mail.ru", datetime(2026, 10, 20))
        ask(world, subject.connect())
        assert world.plan().adds == 2

        world.execute("update customer_consents set decided_at = '2026-10-21'")

        assert world.plan().adds == 3

    def test_where_it_cannot_be_asked_nothing_is_planned(
        self, world: World, subject: Subject
    ) -> None:
        assert subject.strange is not None
        with pytest.raises(PlanRefused, match="does not say who unsubscribed there"):
            ask(world, subject.strange())

    def test_all_are_told_however_many_pages_they_take(
        self, subject: Subject, withdraw: Withdraw
    ) -> None:
        begin = datetime(2026, 10, 1)
        for number in range(1001):
            withdraw(f"m{number}@mail.ru", begin + timedelta(minutes=number))
        destination = subject.connect()

        everybody = {each.contact: each.at for each in destination.withdrawals(EVER)}
        later = {
            each.contact
            for each in destination.withdrawals(begin + timedelta(minutes=1000))
        }

        destination.close()
        assert len(everybody) == 1001
        assert everybody["m7@mail.ru"] == begin + timedelta(minutes=7)
        assert later == {"m1000@mail.ru"}


def ask(world: World, destination: Destination[Any]) -> int:
    """Ask who withdrew; how many were not known to have."""
    try:
        with opened(world.activation, world.marts) as connection:
            return note_withdrawals(connection, world.sync, destination)
    finally:
        destination.close()
