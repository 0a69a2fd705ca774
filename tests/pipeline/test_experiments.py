"""An experiment in whole runs: its control gets no mail, and nobody changes arms."""

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestration.launch import set_aside_warehouse
from tests.pipeline.conftest import AS_OF
from tests.support import at_home, crm360, rows, run_pipeline

FIRST_DAY = date(2026, 8, 31)
DECLARED = """\
who: {{segment: lapsed, channel: email, audience: winback}}
when: {{start: 2026-08-01, end: 2026-12-31, min_days: 30}}
what:
  hypothesis: An e-mail brings lapsed customers back.
  arms:
    - {{name: control, share: {control}, control: true}}
    - {{name: email, share: {email}}}
how_much: {{budget: 0, planned_sample: 10}}
expected: {{metric: buyers, lift_abs: 0.02, other_metrics: [net_revenue]}}
"""


def declare(home: Path, control: float, email: float) -> None:
    (home / "experiments").mkdir(parents=True, exist_ok=True)
    (home / "experiments" / "winback_holdout.yaml").write_text(
        DECLARED.format(control=control, email=email)
    )


def assigned(home: Path) -> dict[str, tuple[str, date]]:
    return {
        customer: (arm, day)
        for customer, arm, day in rows(
            home / "marts.duckdb",
            "select assigned_customer_id, arm, assigned_on from experiment_assignments",
        )
    }


class TwoRuns:
    """August, then October from a warehouse that was built anew, with other shares."""

    def __init__(self, home: Path, landing: Path) -> None:
        self.home = home
        declare(home, 0.3, 0.7)
        assert run_pipeline(home, landing, FIRST_DAY) == []
        self.first = assigned(home)
        with at_home(home) as settings:
            set_aside_warehouse(settings)
        self.published_for = rows(
            home / "warehouse.duckdb",
            "select max(published_for) from kpi_history.metrics",
        )
        declare(home, 0.5, 0.5)
        assert run_pipeline(home, landing, AS_OF) == []
        self.second = assigned(home)

    def published(self, query: str) -> list[Any]:
        return rows(self.home / "published" / "current" / "marts.duckdb", query)


@pytest.fixture(scope="module")
def runs(
    tmp_path_factory: pytest.TempPathFactory, company: Callable[..., Path]
) -> TwoRuns:
    return TwoRuns(tmp_path_factory.mktemp("state"), company(0))


def test_whoever_was_assigned_stays_when_shares_and_warehouse_are_new(
    runs: TwoRuns,
) -> None:
    assert len(runs.first) > 10
    assert runs.first.items() < runs.second.items()
    assert {day for _, day in runs.first.values()} == {FIRST_DAY}


def test_an_experiment_is_a_page_to_share(runs: TwoRuns, tmp_path: Path) -> None:
    page = tmp_path / "winback.html"

    made = crm360(
        "experiment", "report", "winback_holdout", "--out", str(page), home=runs.home
    )
    unknown = crm360("experiment", "report", "winback", home=runs.home)

    assert made.returncode == 0, made.stderr
    shown = page.read_text(encoding="utf-8")
    assert "this page is of 2026-10-31" in shown
    assert "An e-mail brings lapsed customers back." in shown
    assert "c_" not in shown, "it is about nobody in particular"
    assert unknown.returncode == 2
    assert "there are winback_holdout" in unknown.stderr


def test_days_that_pass_and_a_new_warehouse_restate_nothing(runs: TwoRuns) -> None:
    """Two months later the company knows more, and nothing else of what was."""
    assert runs.published_for == [(FIRST_DAY,)]
    assert rows(
        runs.home / "warehouse.duckdb",
        "select count(*) > 1000, max(period_start) from kpi_history.figures",
    ) == [(True, date(2026, 10, 30))]
    assert runs.published("select metric, member from kpi_restatements limit 9") == []


def test_the_control_gets_nothing_and_a_row_says_why(runs: TwoRuns) -> None:
    outbox = runs.home / "outbox" / "winback" / "members.csv"
    with outbox.open(newline="", encoding="utf-8") as file:
        sent_to = {row["email"] for row in csv.DictReader(file)}
    audience = rows(
        runs.home / "marts.duckdb",
        """
        select audience.email, audience.decision, assignments.arm
        from audience_winback as audience
        left join experiment_assignments as assignments
            on assignments.customer_id = audience.customer_id
        """,
    )
    control = {email for email, decision, arm in audience if arm == "control"}

    assert control
    assert sent_to == {email for email, decision, _ in audience if decision == "send"}
    assert sent_to.isdisjoint(control)
    assert {
        arm for _, decision, arm in audience if decision in ("send", "holdout")
    } == {"control", "email"}
    assert rows(
        runs.home / "activation.duckdb",
        "select count(*) > 0 from plan_rows where reason = 'holdout'",
    ) == [(True,)]


def test_results_are_published_beside_what_was_expected(runs: TwoRuns) -> None:
    found = runs.published(
        """
        select metric, is_deciding, customers > 0, expected_lift_abs,
            srm_p_value > 0.001, decision
        from experiment_results
        order by metric
        """
    )

    assert [row[:5] for row in found] == [
        ("buyers", True, True, 0.02, True),
        ("net_revenue", False, True, None, True),
    ]
    # Long and large enough as planned; in so small a company nobody may have bought.
    assert {row[5] for row in found} <= {"no_difference_found", "cannot_tell"}


def test_results_are_those_of_the_orders_themselves(runs: TwoRuns) -> None:
    ((expected,),) = rows(
        runs.home / "marts.duckdb",
        """
        select count(distinct assignments.customer_id)
        from experiment_assignments as assignments
        inner join orders on orders.customer_id = assignments.customer_id
        where
            orders.is_paid
            and orders.ordered_on > assignments.assigned_on
            and assignments.left_out_because is null
        """,
    )

    ((found,),) = runs.published(
        "select mean * customers + control_mean * control_customers"
        " from experiment_results where metric = 'buyers'"
    )

    assert found == pytest.approx(expected)


def test_a_person_sees_what_is_declared_and_what_it_showed(runs: TwoRuns) -> None:
    declared = crm360("experiment", "check", home=runs.home)
    shown = crm360("experiment", "list", home=runs.home)

    assert "winback_holdout: 2026-08-01 to 2026-12-31, lapsed" in declared.stdout
    assert "winback_holdout: buyers, email:" in shown.stdout


def test_a_declaration_that_cannot_be_stops_a_run_before_it_begins(
    tmp_path: Path,
) -> None:
    declare(tmp_path, 0.3, 0.3)

    ran = crm360("run", home=tmp_path)

    assert ran.returncode == 2
    assert "winback_holdout.yaml: line 5: what.arms: their shares add" in ran.stderr
    assert not (tmp_path / "warehouse.duckdb").exists()
