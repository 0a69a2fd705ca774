"""What holds for every destination of whole lists: a suite to inherit.

class TestSftp(SnapshotConformance):
    @pytest.fixture
    def subject(self, world: World) -> Iterator[SnapshotSubject]: ...
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from orchestration.lib.activation.destinations.base import SnapshotDestination
from tests.destinations.conftest import World


@dataclass(kw_only=True)
class SnapshotSubject:
    """A destination under test."""

    #: A new connection to the same place.
    connect: Callable[[], SnapshotDestination[Any]]
    #: Customers of the list with their first names; None if there is no list.
    members: Callable[[], dict[str, str] | None]
    #: Another value after each time that the list was put.
    revision: Callable[[], object]
    #: The list is gone, by somebody else's hand.
    lose: Callable[[], object]
    #: For the block the place fails in the middle of a list.
    failing: Callable[[], AbstractContextManager[object]]
    #: What a text that would be a formula begins with there.
    before_formulas: str = ""
    #: The same place with credentials that it refuses.
    strange: Callable[[], SnapshotDestination[Any]] | None = None


def put(world: World, subject: SnapshotSubject) -> Any:
    """One run over a connection of its own."""
    destination = subject.connect()
    try:
        return world.apply(destination)
    finally:
        destination.close()


class SnapshotConformance:
    """Inherit, and give the fixture `subject`."""

    def test_members_arrive_and_are_acknowledged(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        assert put(world, subject).is_complete

        assert subject.members() == {name: name for name in ("anna", "boris", "vera")}
        assert world.held() == {"anna", "boris", "vera"}

    def test_a_change_and_a_departure_are_two_attempts_and_one_list(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        put(world, subject)
        world.drop("boris")
        world.execute(
            "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
        )

        assert put(world, subject).acknowledged == 2

        assert subject.members() == {"anna": "Anya", "vera": "vera"}
        assert world.held() == {"anna", "vera"}

    def test_without_a_change_the_list_is_left_alone(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        put(world, subject)
        before = subject.revision()

        assert put(world, subject).sent == 0

        assert subject.revision() == before

    def test_a_lost_list_is_put_again(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        put(world, subject)
        subject.lose()
        assert subject.members() is None

        assert put(world, subject).problem is None

        assert set(subject.members() or ()) == {"anna", "boris", "vera"}

    def test_nobody_is_in_the_list_without_their_consent(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        world.add("galina", consent=False)
        put(world, subject)
        assert set(subject.members() or ()) == {"anna", "boris", "vera"}
        world.execute(
            "update customer_consents set is_granted = false where customer_id = 'vera'"
        )

        put(world, subject)

        assert set(subject.members() or ()) == {"anna", "boris"}

    def test_a_failure_in_the_middle_leaves_the_old_list_and_acknowledges_nobody(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        put(world, subject)
        world.add("galina")
        world.drop("boris")
        with subject.failing():
            applied = put(world, subject)

        assert applied.problem
        assert "@" not in applied.problem
        assert set(subject.members() or ()) == {"anna", "boris", "vera"}
        assert world.held() == {"anna", "boris", "vera"}

        assert put(world, subject).problem is None
        assert set(subject.members() or ()) == {"anna", "galina", "vera"}
        assert world.held() == {"anna", "galina", "vera"}

    def test_a_first_list_that_fails_is_no_list(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        with subject.failing():
            put(world, subject)

        assert not subject.members()
        assert world.held() == set()

    def test_an_audience_without_members_is_a_list_without_rows(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        world.execute("delete from audience_winback")

        assert put(world, subject).problem is None

        assert subject.members() == {}

    @pytest.mark.parametrize(
        "name", ["=HYPERLINK(1)", "@import", "-1+cmd", "+1+cmd", "\tx"]
    )
    def test_a_name_cannot_become_a_formula(
        self, world: World, subject: SnapshotSubject, name: str
    ) -> None:
        world.execute("update audience_winback set first_name = ?", [name])

        put(world, subject)

        found = set((subject.members() or {}).values())
        assert found == {f"{subject.before_formulas}{name}"}

    @pytest.mark.parametrize(
        "name", ["+79991234567", "O'Brien", 'Anna "A", Ёлка; %s', "two\nlines", "0123"]
    )
    def test_other_texts_stay_as_they_are(
        self, world: World, subject: SnapshotSubject, name: str
    ) -> None:
        world.execute("update audience_winback set first_name = ?", [name])

        put(world, subject)

        assert set((subject.members() or {}).values()) == {name}

    def test_lists_of_different_audiences_do_not_touch(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        put(world, subject)
        before = subject.revision()
        destination = subject.connect()
        assert not destination.holds("loyal")

        world.sync_with(audience=replace(world.sync.audience, name="loyal"))
        world.drop("boris")
        world.apply(destination)

        assert destination.holds("loyal")
        destination.close()
        assert set(subject.members() or ()) == {"anna", "boris", "vera"}
        assert subject.revision() == before

    def test_refused_credentials_are_told_and_leave_nobody_in_doubt(
        self, world: World, subject: SnapshotSubject
    ) -> None:
        if subject.strange is None:
            pytest.skip("it asks for no credentials")
        destination = subject.strange()

        applied = world.apply(destination)

        destination.close()
        assert applied.problem
        assert (applied.sent, applied.unknown) == (0, 0)
        assert put(world, subject).problem is None
