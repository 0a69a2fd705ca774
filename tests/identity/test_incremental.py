"""A resolution of what changed is that of everything."""

from collections.abc import Mapping
from datetime import date, timedelta

import duckdb
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, rule

from orchestration.lib.identity.model import default_model
from orchestration.lib.identity.resolution import STAGES, KeysCollide, create_nodes
from orchestration.lib.identity.scope import read_delivered
from tests.identity.world import Person, World

#: Enough records for a few to be a small share, and for no size to double.
CROWD = {
    f"c{number}": Person(
        email=f"c{number % 41}@b.example",
        phone=None if number % 3 else f"+7916100{number % 29:04}",
        first_name=("olga", "pavel", "roman", "sofia", "timur")[number % 5],
        last_name=("orlov", "popov", "rusov")[number % 3],
        birth_date=f"19{50 + number % 31}-0{1 + number % 9}-17",
    )
    for number in range(64)
}
NAMES = [f"r{number}" for number in range(6)]
#: Among them values of the crowd's, so that its regions are reached.
PEOPLE = st.builds(
    Person,
    email=st.sampled_from(
        [None, None, "a@a.example", "b@a.example", "info@a.example", "c1@b.example"]
    ),
    phone=st.sampled_from([None, None, "+79160000001", "+79161000003"]),
    first_name=st.sampled_from([None, "anna", "anna", "boris", "olga"]),
    last_name=st.sampled_from([None, "annina", "annina", "orlov"]),
    birth_date=st.sampled_from([None, "1950-01-17", "1991-12-30", "1991-12-30"]),
    seen_on=st.sampled_from([None, date(2020, 1, 1), date(2021, 1, 1)]),
)
CHANGES = st.dictionaries(st.sampled_from(NAMES), PEOPLE, min_size=1, max_size=2)


class Twins(RuleBasedStateMachine):
    """Two companies of one history; one forgets every time what it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.remembering, self.forgetting = (
            World(default_model()).put(**CROWD) for _ in range(2)
        )
        self.run()

    @rule(people=CHANGES)
    def records_come_or_change(self, people: Mapping[str, Person]) -> None:
        for world in (self.remembering, self.forgetting):
            world.put(**people)
        self.run()

    @rule(names=st.sets(st.sampled_from([*NAMES, "c1", "c3"]), min_size=1, max_size=2))
    def records_go(self, names: set[str]) -> None:
        for world in (self.remembering, self.forgetting):
            world.remove(*(names & world.records.keys()))
        self.run()

    @rule(
        kind=st.sampled_from(["pin", "veto"]),
        pair=st.sets(st.sampled_from([*NAMES, "c1"]), min_size=2, max_size=2),
    )
    def somebody_decides_or_takes_it_back(self, kind: str, pair: set[str]) -> None:
        left, right = sorted(pair)
        for world in (self.remembering, self.forgetting):
            if frozenset(pair) in world.decisions:
                world.undecide(left, right)
            else:
                world.decide(kind, left, right)
        self.run()

    def run(self) -> None:
        self.remembering.resolve()
        self.forgetting.forget_state().resolve()
        assert self.remembering.published() == self.forgetting.published()


TestTwins = Twins.TestCase
TestTwins.settings = settings(
    max_examples=12,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    # A history takes seconds: shrinking one would take an hour.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


def looked_at(here: World) -> int:
    """How many records the last resolution looked at."""
    (count,) = here.connection.execute("select count(*) from nodes").fetchone() or (0,)
    return int(count)


def test_only_the_regions_of_what_changed_are_resolved() -> None:
    here = World(default_model()).put(**CROWD, anna=Person(email="a@a.example"))
    here.resolve()
    assert looked_at(here) == len(CROWD) + 1

    here.put(order=Person(email="a@a.example")).resolve()
    assert looked_at(here) == 2

    here.resolve()
    assert looked_at(here) == 0


def test_a_company_of_another_size_is_weighed_anew() -> None:
    olga = Person(first_name="olga")
    here = World(default_model()).put(**CROWD, **{f"old {n}": olga for n in range(20)})
    here.resolve()
    here.put(**{f"new {n}": olga for n in range(3)}).resolve()
    assert looked_at(here) == 3

    here.put(**{f"newer {n}": olga for n in range(5)}).resolve()
    assert looked_at(here) == len(CROWD) + 28


def test_a_value_of_many_people_may_become_one_of_too_many_records() -> None:
    names = ("anna", "boris", "olga", "pavel")
    here = World().put(
        **CROWD,
        **{f"c {n}": Person(seen_on=date(2020, 1, 1)) for n in range(300)},
        **{f"s {n}": Person("s@s.example", first_name=names[n % 4]) for n in range(50)},
    )
    here.resolve()
    here.put(**{"s 50": Person("s@s.example", first_name="anna")}).resolve()
    assert looked_at(here) < len(here.records)
    found = here.published()["blocked_identifiers"]

    here.forget_state().resolve()
    assert found == here.published()["blocked_identifiers"]


class BrokenOff(Exception):
    """A run ends before its time."""


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("is_whole", [True, False])
def test_a_resolution_that_breaks_off_publishes_nothing_and_is_made_up_for(
    stage: str, is_whole: bool
) -> None:
    def break_off(begun: str) -> None:
        if begun == stage:
            raise BrokenOff

    broken, twin = (World(default_model()).put(**CROWD) for _ in range(2))
    for world in (broken, twin):
        world.resolve()
    before = broken.published()
    for world in (broken, twin):
        world.change("c2", email="c1@b.example").decide("pin", "c1", "c3")
    if is_whole:
        broken.forget_state()
    with pytest.raises(BrokenOff):
        broken.resolve(progress=break_off)
    assert broken.published() == before

    broken.resolve()
    twin.day += timedelta(days=1)
    twin.resolve()
    assert broken.published() == twin.published()


def test_two_records_of_one_key_are_refused() -> None:
    connection = duckdb.connect()
    connection.execute(
        "create table records as select 'crm' as source, 'contacts' as export,"
        " '17' as record_id, timestamp '2026-01-01' as first_seen_at from range(2)"
    )
    connection.execute(
        "create table identifiers as select source, export, record_id,"
        " 'email' as identifier_type, 'a@a.example' as identifier_value"
        " from records where false"
    )
    read_delivered(connection, records="records", identifiers="identifiers")

    with pytest.raises(KeysCollide, match="two records have one key"):
        create_nodes(connection)
