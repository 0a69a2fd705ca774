"""Who comes into which arm, and that nobody ever leaves it."""

from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.experiments.assignment import arm_of, bounds, hash_point
from orchestration.lib.experiments.declaration import Arm, Experiment
from orchestration.lib.experiments.record import (
    declare,
    record_assignments,
    write_results,
)
from orchestration.lib.jinja_macros import JinjaMacros
from orchestration.settings import MACROS, MODELS

USED_MACROS = [MACROS / f"{name}.sql" for name in ("engine", "dates", "money")]
START = date(2026, 10, 1)
SHARES = {"control": 0.1, "email": 0.6, "sms": 0.3}


def experiment(shares: dict[str, float], **options: Any) -> Experiment:
    return Experiment(
        **{
            "name": "winback",
            "hypothesis": "Mail brings them back.",
            "segment": "lapsed",
            "channel": None,
            "audience": "winback",
            "starts_on": START,
            "ends_on": START + timedelta(days=90),
            "min_days": 0,
            "arms": tuple(
                Arm(name=name, share=share, is_control=name == "control")
                for name, share in shares.items()
            ),
            "salt": "salt",
            "stratify_by": None,
            "budget": 0,
            "planned_sample": 4,
            "planned_mde": None,
            "alpha": 0.05,
            "power": 0.8,
            "metrics": ("buyers",),
            "expected_lift_abs": 0.01,
            "expected_lift_rel": None,
            **options,
        }
    )


class Company:
    """The tables around the models of experiments, and those models' own SQL."""

    def __init__(self, folder: Path) -> None:
        self.record = folder / "experiments.duckdb"
        self.connection = duckdb.connect()
        self.connection.execute(
            """
            create schema identity;
            create table identity.aliases (
                customer_id varchar, current_customer_id varchar
            );
            create table segment_members (segment varchar, customer_id varchar);
            create table customer_360 (
                customer_id varchar, lifecycle_stage varchar, country varchar,
                city varchar
            );
            create table customer_channels (
                customer_id varchar, channel varchar, is_reachable boolean
            );
            create table orders (
                customer_id varchar, is_paid boolean, net_amount_base decimal(18, 2),
                ordered_on date
            );
            """
        )

    def __enter__(self) -> "Company":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def join(self, *customers: str) -> None:
        """Customers come into the segment."""
        for customer in customers:
            self.connection.execute(
                "insert into segment_members values ('lapsed', ?)", [customer]
            )
            self.connection.execute(
                "insert into customer_360 (customer_id) values (?)", [customer]
            )
            self.connection.execute(
                "insert into identity.aliases values ($1, $1)", [customer]
            )

    def leave(self, *customers: str) -> None:
        """Customers go out of the segment."""
        for customer in customers:
            self.connection.execute(
                "delete from segment_members where customer_id = ?", [customer]
            )

    def merge(self, customer: str, into: str | None) -> None:
        """An id becomes another's, or nobody's."""
        self.leave(customer)
        self.connection.execute(
            "update identity.aliases set current_customer_id = ? where customer_id = ?",
            [into, customer],
        )

    def order(self, customer: str, day: date) -> None:
        self.connection.execute(
            "insert into orders values (?, true, 100, ?)", [customer, day]
        )

    def run(self, declared: Experiment, as_of: date) -> dict[str, str]:
        """One run of the pipeline; returns arms by assigned id."""
        declare(self.connection, [declared], self.record)
        self.connection.execute(
            """
            create or replace view stg_experiments__arms as from experiments.arms;
            create or replace view stg_experiments__assignments as
            from experiments.assignments
            """
        )
        for model in ("assignments", "outcomes", "results"):
            self._build(f"experiment_{model}", as_of)
        record_assignments(self.connection, self.record)
        write_results(self.connection, [declared], as_of)
        return dict(
            self.connection.execute(
                "select assigned_customer_id, arm from experiment_assignments"
            ).fetchall()
        )

    def results(self, columns: str = "*") -> list[Any]:
        return self.connection.execute(
            f"select {columns} from experiment_results order by metric, arm"
        ).fetchall()

    def left_out(self) -> dict[str, str]:
        return dict(
            self.connection.execute(
                "select assigned_customer_id, left_out_because"
                " from experiment_assignments where left_out_because is not null"
            ).fetchall()
        )

    def recorded(self) -> list[Any]:
        with duckdb.connect(str(self.record), read_only=True) as connection:
            return connection.execute("from assignments order by all").fetchall()

    def _build(self, model: str, as_of: date) -> None:
        macros = JinjaMacros(USED_MACROS, {"as_of_date": as_of.isoformat()})
        parts = [*USED_MACROS, MODELS / f"marts/experiments/{model}.sql"]
        sql = macros.environment.from_string(
            "\n".join(path.read_text("utf-8") for path in parts)
        ).render(ref=lambda name: name)
        self.connection.execute(f"create or replace table {model} as {sql}")


@settings(deadline=None)
@given(salt=st.text(max_size=9), customers=st.lists(st.text(max_size=20), max_size=9))
def test_sql_draws_the_point_that_python_draws(salt: str, customers: list[str]) -> None:
    engine = JinjaMacros([MACROS / "engine.sql"])
    with duckdb.connect() as connection:
        for customer in customers:
            found = connection.execute(
                f"select {engine.call('hash_point', 'text')}"
                " from (select concat(?::varchar, ':', ?::varchar) as text)",
                [salt, customer],
            ).fetchone()

            assert found == (hash_point(salt, customer),)
            assert 0 <= found[0] < 1


def test_the_pipeline_assigns_as_python_does(tmp_path: Path) -> None:
    customers = [f"c_{number}" for number in range(200)]
    with Company(tmp_path) as company:
        company.join(*customers)
        found = company.run(experiment(SHARES), START)

    assert found == {each: arm_of("salt", each, SHARES) for each in customers}


def test_arms_get_their_shares_and_another_salt_deals_anew() -> None:
    customers = [f"c_{number}" for number in range(20_000)]

    counts = Counter(arm_of("one", each, SHARES) for each in customers)
    again = Counter(
        arm_of("two", each, SHARES)
        for each in customers
        if arm_of("one", each, SHARES) == "control"
    )

    # Four standard deviations of a binomial.
    for arm, share in SHARES.items():
        spread = 4 * (20_000 * share * (1 - share)) ** 0.5
        assert abs(counts[arm] - 20_000 * share) < spread
        spread = 4 * (counts["control"] * share * (1 - share)) ** 0.5
        assert abs(again[arm] - counts["control"] * share) < spread


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.text(min_size=1))
def test_everybody_has_exactly_one_arm(weights: list[float], customer: str) -> None:
    shares = {f"arm{n}": weight / sum(weights) for n, weight in enumerate(weights)}

    point = hash_point("salt", customer)
    inside = [arm for arm, (low, high) in bounds(shares).items() if low <= point < high]

    assert inside == [arm_of("salt", customer, shares)]


PEOPLE = [f"c_{number}" for number in range(12)]


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(PEOPLE)),
            st.sets(st.sampled_from(PEOPLE)),
            st.floats(0.05, 0.95),
        ),
        min_size=2,
        max_size=4,
    )
)
def test_nobody_changes_arms_when_others_come_go_or_shares_change(
    tmp_path_factory: pytest.TempPathFactory,
    days: list[tuple[set[str], set[str], float]],
) -> None:
    with Company(tmp_path_factory.mktemp("company")) as company:
        before: dict[str, str] = {}
        records: list[Any] = []
        members: set[str] = set()
        for number, (coming, going, share) in enumerate(days):
            company.join(*sorted(coming - members))
            company.leave(*sorted(going))
            members |= coming
            declared = experiment({"control": share, "email": 1 - share})

            found = company.run(declared, START + timedelta(days=number))

            assert before.items() <= found.items()
            if company.record.exists():
                assert set(records) <= set(company.recorded())
                records = company.recorded()
            before = found


def test_a_run_that_is_repeated_records_nobody_twice(tmp_path: Path) -> None:
    with Company(tmp_path) as company:
        company.join("anna", "boris")
        first = company.run(experiment(SHARES), START)
        recorded = company.recorded()

        assert company.run(experiment(SHARES), START) == first
        assert company.recorded() == recorded


def test_a_recorded_row_is_never_changed_whatever_the_mart_says(
    tmp_path: Path,
) -> None:
    with Company(tmp_path) as company:
        company.join("anna", "boris")
        company.run(experiment(SHARES), START)
        recorded = company.recorded()
        company.connection.execute("update experiment_assignments set arm = 'other'")

        assert record_assignments(company.connection, company.record) == 0
        assert company.recorded() == recorded


def test_without_experiments_there_is_no_record(tmp_path: Path) -> None:
    with Company(tmp_path) as company:
        company.join("anna")
        later = experiment(SHARES, starts_on=START + timedelta(days=1))

        assert company.run(later, START) == {}
        assert not company.record.exists()
        assert company.results() == []


#: Customers whose arms are known, by trying out names.
BY_ARM = {
    arm: [f"p{n}" for n in range(200) if arm_of("salt", f"p{n}", SHARES) == arm]
    for arm in SHARES
}


def test_ids_of_one_arm_that_become_one_customer_count_once(tmp_path: Path) -> None:
    one, two, *others = BY_ARM["email"]
    with Company(tmp_path) as company:
        company.join(*BY_ARM["control"], one, two, *others)
        company.run(experiment(SHARES), START)
        company.merge(two, into=one)
        company.order(one, START + timedelta(days=5))

        company.run(
            experiment(SHARES, metrics=("buyers", "orders")), START + timedelta(days=9)
        )

        found = company.connection.execute(
            "select customers, customers_in_several_arms, round(mean * customers, 9)"
            " from experiment_results where arm = 'email'"
        ).fetchall()
        assert found == [(len(others) + 1, 0, 1)] * 2
        assert company.left_out() == {}


def test_ids_of_two_arms_that_become_one_customer_are_reported_and_left_out(
    tmp_path: Path,
) -> None:
    treated, control = BY_ARM["email"][0], BY_ARM["control"][0]
    everybody = [each for arm in BY_ARM.values() for each in arm]
    with Company(tmp_path) as company:
        company.join(*everybody)
        company.run(experiment(SHARES), START)
        before = dict(company.results("arm, (customers, control_customers)"))
        company.merge(control, into=treated)
        company.order(treated, START + timedelta(days=5))

        company.run(experiment(SHARES), START + timedelta(days=9))

        assert company.left_out() == dict.fromkeys(
            (treated, control), "in_several_arms"
        )
        assert company.results("customers_in_several_arms, mean") == [(1, 0), (1, 0)]
        after = dict(company.results("arm, (customers, control_customers)"))
        assert after["email"] == tuple(count - 1 for count in before["email"])
        assert after["sms"] == (before["sms"][0], before["sms"][1] - 1)
        # Who comes apart again counts again.
        company.merge(control, into=control)
        company.run(experiment(SHARES), START + timedelta(days=9))
        assert company.left_out() == {}


def test_an_id_that_nobody_has_any_more_is_counted_and_left_out(
    tmp_path: Path,
) -> None:
    everybody = [each for arm in BY_ARM.values() for each in arm]
    with Company(tmp_path) as company:
        company.join(*everybody)
        company.run(experiment(SHARES), START)
        company.merge(BY_ARM["sms"][0], into=None)

        company.run(experiment(SHARES), START + timedelta(days=1))

        assert company.left_out() == {BY_ARM["sms"][0]: "no_customer_now"}
        assert company.results("ids_without_customer") == [(1,), (1,)]


def test_a_metric_that_is_added_later_is_computed_from_the_start(
    tmp_path: Path,
) -> None:
    everybody = [each for arm in BY_ARM.values() for each in arm]
    with Company(tmp_path) as company:
        company.join(*everybody)
        company.run(experiment(SHARES), START)
        company.order(BY_ARM["sms"][0], START + timedelta(days=1))
        company.order(BY_ARM["sms"][0], START + timedelta(days=2))

        company.run(
            experiment(SHARES, metrics=("buyers", "net_revenue")),
            START + timedelta(days=60),
        )

        found = company.results("metric, arm, is_deciding, round(mean * customers)")
        assert found == [
            ("buyers", "email", True, 0),
            ("buyers", "sms", True, 1),
            ("net_revenue", "email", False, 0),
            ("net_revenue", "sms", False, 200),
        ]


def test_changed_shares_do_not_bias_results_over_time(tmp_path: Path) -> None:
    """All early customers buy, no late one; the treatment does nothing.

    The second wave has other shares, so that plain means would differ.
    """
    early = [f"e{number}" for number in range(300)]
    late = [f"l{number}" for number in range(300)]
    with Company(tmp_path) as company:
        company.join(*early)
        company.run(experiment({"control": 0.2, "email": 0.8}), START)
        for customer in early:
            company.order(customer, START + timedelta(days=10))
        company.join(*late)
        changed = experiment({"control": 0.8, "email": 0.2})
        company.run(changed, START + timedelta(days=20))
        company.run(changed, START + timedelta(days=30))

        ((mean, control_mean, lift, srm, decision),) = company.results(
            "mean, control_mean, lift_abs, srm_p_value, decision"
        )
        assert mean > 0.7 and control_mean < 0.3
        assert lift == pytest.approx(0, abs=1e-12)
        assert srm > 0.001
        assert decision in ("no_difference_found", "cannot_tell")
