"""What holds after every run of every history of records, decisions and losses."""

from datetime import date

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.identity.world import Person, World, groups

NAMES = [f"r{number}" for number in range(8)]
PEOPLE = st.builds(
    Person,
    email=st.sampled_from([None, "a@a.example", "b@a.example", "info@a.example"]),
    phone=st.sampled_from([None, "+79160000001", "+79160000002"]),
    first_name=st.sampled_from([None, None, "anna", "boris", "viktor"]),
    birth_date=st.sampled_from([None, None, "1980-05-06", "1991-12-30"]),
    seen_on=st.sampled_from([None, date(2020, 1, 1), date(2021, 1, 1)]),
)


class Histories(RuleBasedStateMachine):
    """Runs between which records come, change and go, and people decide."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        #: Of every record, the ids that it ever had.
        self.had: dict[str, set[str]] = {name: set() for name in NAMES}

    @initialize(people=st.dictionaries(st.sampled_from(NAMES), PEOPLE, max_size=8))
    def begin(self, people: dict[str, Person]) -> None:
        self.world.put(**people)
        self.run()

    @rule(people=st.dictionaries(st.sampled_from(NAMES), PEOPLE, max_size=3))
    def records_come_or_change(self, people: dict[str, Person]) -> None:
        self.world.put(**people)
        self.run()

    @rule(names=st.sets(st.sampled_from(NAMES), max_size=3))
    def records_go(self, names: set[str]) -> None:
        self.world.remove(*(names & self.world.records.keys()))
        self.run()

    @rule(
        kind=st.sampled_from(["pin", "veto"]),
        pair=st.sets(st.sampled_from(NAMES), min_size=2, max_size=2),
    )
    def somebody_decides(self, kind: str, pair: set[str]) -> None:
        before = self.world.ids()
        left, right = sorted(pair)
        if frozenset(pair) in self.world.decisions:
            self.world.undecide(left, right)
            self.run()
            return
        self.world.decide(kind, left, right)
        self.run()
        after = self.world.ids()
        self.world.undecide(left, right)
        self.run()
        if refines(groups(after), groups(before)) or refines(
            groups(before), groups(after)
        ):
            assert self.world.ids() == before, "taking it back restores what was"
        self.world.decide(kind, left, right)
        self.run()

    @rule()
    def the_warehouse_is_lost(self) -> None:
        before, aliases = self.world.ids(), self.world.aliases()
        self.world.forget_all_but_history()
        assert self.world.resolve() == {}
        assert (self.world.ids(), self.world.aliases()) == (before, aliases)

    @rule()
    def the_rows_come_in_another_order(self) -> None:
        before = self.world.ids()
        assert self.world.resolve(backwards=True) == {}
        assert self.world.ids() == before

    def run(self) -> None:
        """Resolve; whoever gets an id is new to it only if the id is."""
        known = set().union(*self.had.values())
        before = self.world.ids() if known else {}
        self.world.resolve()
        after = self.world.ids()
        for customer in set(after.values()):
            members = {name for name in after if after[name] == customer}
            if customer in known:
                assert any(customer in self.had[name] for name in members)
            self.keeps_the_larger_part(before, after, customer)
        for name, customer in after.items():
            self.had[name].add(customer)

    def keeps_the_larger_part(
        self, before: dict[str, str], after: dict[str, str], customer: str
    ) -> None:
        """An id that never merged, and whose records only parted, stays with most."""
        former = {name for name in before if before[name] == customer}
        parts = [part for part in groups(after) if part & former]
        if (
            len(parts) < 2
            or any(part - former for part in parts)
            or any(self.had[name] != {customer} for name in former)
        ):
            return
        largest = max(len(part) for part in parts)
        (kept,) = [part for part in parts if after[next(iter(part))] == customer]
        assert len(kept) == largest

    @invariant()
    @precondition(lambda self: bool(self.had) and hasattr(self.world, "records"))
    def every_record_has_one_customer(self) -> None:
        if any(self.had.values()) or self.world.records:
            assert self.world.ids().keys() == self.world.records.keys()

    @invariant()
    @precondition(lambda self: any(self.had.values()))
    def every_id_ever_issued_resolves(self) -> None:
        live = set(self.world.ids().values())
        aliases = self.world.aliases()
        assert aliases.keys() == set().union(*self.had.values())
        for customer, current in aliases.items():
            assert current in live or current is None
            assert (current == customer) == (customer in live)

    @invariant()
    @precondition(lambda self: any(self.had.values()))
    def events_explain_every_change(self) -> None:
        events = self.world.events()
        issued = [
            customer for kind, customer, _, _ in events if kind in ("created", "split")
        ]
        assert set(self.world.ids().values()) <= set(issued)

    @invariant()
    @precondition(lambda self: any(self.had.values()))
    def contradictions_stay_apart(self) -> None:
        ids = self.world.ids()
        pinned = any(each.kind == "pin" for each in self.world.decisions.values())
        for pair, each in self.world.decisions.items():
            if each.kind == "veto" and pair <= ids.keys():
                left, right = pair
                assert ids[left] != ids[right]
        for group in groups(ids):
            names = {self.world.records[name].first_name for name in group}
            assert pinned or len(names - {None}) <= 1


def refines(finer: set[frozenset[str]], coarser: set[frozenset[str]]) -> bool:
    """Whether every group of the one lies within a group of the other."""
    return all(any(group <= other for other in coarser) for group in finer)


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=25,
    stateful_step_count=8,
    deadline=None,
    derandomize=True,
    # A history takes seconds: shrinking one would take an hour.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
