"""Lifts, intervals and p-values, against textbooks and against planted truths."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.lib.experiments.analysis import (
    Assigned,
    Plan,
    Result,
    analyse,
    expected_counts,
    read_cells,
)
from orchestration.lib.experiments.cells import Cell, together, with_every_arm
from orchestration.lib.experiments.inference import (
    Kind,
    holm,
    minimum_detectable_effect,
    sample_ratio_p_value,
    sample_size,
)

RUNS = 1000
#: Of 1,000 runs with a rate of 5 %, all but one in a thousand lie within (binomial).
NOMINAL = range(28, 75)
#: R's data set `sleep`, which its page on t.test has Welch's figures of.
SLEEP = (
    [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0],
    [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4],
)


def cell(values: Any, prior: Any = None) -> Cell:
    values = np.asarray(values, dtype=float)
    prior = np.zeros_like(values) if prior is None else np.asarray(prior, dtype=float)
    apart, prior_apart = values - values.mean(), prior - prior.mean()
    return Cell(
        count=len(values),
        mean=float(values.mean()),
        squares=float(apart @ apart),
        prior_mean=float(prior.mean()),
        prior_squares=float(prior_apart @ prior_apart),
        products=float(apart @ prior_apart),
    )


def of_ones(ones: int, count: int) -> Cell:
    return cell([1] * ones + [0] * (count - ones))


def results(
    strata: Mapping[str, Mapping[str, Cell]],
    *,
    kind: Kind = "mean",
    assigned: Sequence[Assigned] | None = None,
    **plan: Any,
) -> list[Result]:
    arms = list(dict.fromkeys(arm for cells in strata.values() for arm in cells))
    counts = {
        arm: sum(cells[arm].count for cells in strata.values() if arm in cells)
        for arm in arms
    }
    return analyse(
        strata,
        assigned
        or [Assigned(arm=arm, count=counts[arm], expected=counts[arm]) for arm in arms],
        Plan(control="control", metric="value", kind=kind, **plan),
    )


def result(control: Cell, email: Cell, **options: Any) -> Result:
    (found,) = results({"all": {"control": control, "email": email}}, **options)
    return found


def test_four_against_nine_per_cent_of_5000_are_five_points_at_z_10_1() -> None:
    """TV-1 and TV-2: 200 and 450 of 5,000."""
    found = result(of_ones(200, 5000), of_ones(450, 5000), kind="proportion")

    assert (found.control_mean, found.mean) == (0.04, 0.09)
    assert found.lift_abs == pytest.approx(0.05)
    assert found.lift_rel == pytest.approx(1.25)
    assert found.statistic == pytest.approx(10.14, abs=0.005)
    assert found.p_value is not None and found.p_value < 1e-20
    # Unpooled: 0.05 -+ 1.96 * sqrt((0.04 * 0.96 + 0.09 * 0.91) / 5000)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.04039, 0.05961), abs=5e-6)
    assert found.decision == "treatment_higher"


def test_the_sleep_data_give_the_figures_that_r_gives() -> None:
    found = result(cell(SLEEP[0]), cell(SLEEP[1]))

    assert found.statistic == pytest.approx(1.8608, abs=5e-5)
    assert found.p_value == pytest.approx(0.07939, abs=5e-6)
    assert found.ci_low == pytest.approx(-0.2054832, abs=5e-8)
    assert found.ci_high == pytest.approx(3.3654832, abs=5e-8)
    assert found.decision == "no_difference_found"


def test_the_relative_interval_holds_zero_when_the_absolute_one_does() -> None:
    generator = np.random.default_rng(7)
    for lift in np.linspace(-0.6, 0.6, 41):
        found = result(
            cell(generator.normal(3, 1, 60)), cell(generator.normal(3 + lift, 2, 40))
        )
        assert found.ci_low is not None and found.ci_high is not None
        assert found.lift_rel_low is not None and found.lift_rel_high is not None
        assert (found.ci_low > 0) == (found.lift_rel_low > 0)
        assert (found.ci_high < 0) == (found.lift_rel_high < 0)
        assert found.lift_rel_low < (found.lift_rel or 0) < found.lift_rel_high


def test_no_relative_lift_is_told_over_a_control_that_may_be_nothing() -> None:
    found = result(of_ones(1, 50), of_ones(5, 50), kind="proportion")

    assert found.lift_rel == pytest.approx(4)
    assert (found.lift_rel_low, found.lift_rel_high) == (None, None)
    assert result(of_ones(0, 50), of_ones(5, 50), kind="proportion").lift_rel is None


def test_holm_multiplies_the_smallest_by_all_and_never_lets_the_order_turn() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, None, 0.9]) == [1.0, None, 1.0]
    assert holm([0.02]) == [0.02]


def test_several_arms_are_corrected_for_and_the_decision_follows() -> None:
    # Alone, 120 of 1,000 against 90 are significant at 5 %; in three arms they are not.
    strata = {
        "all": {
            "control": of_ones(90, 1000),
            "email": of_ones(120, 1000),
            "sms": of_ones(92, 1000),
            "call": of_ones(95, 1000),
        }
    }

    found = {each.arm: each for each in results(strata, kind="proportion")}

    assert found["email"].p_value == pytest.approx(0.0287, abs=1e-4)
    assert found["email"].p_value_adjusted == pytest.approx(0.0860, abs=3e-4)
    assert found["email"].decision == "no_difference_found"


def test_sample_sizes_are_those_of_the_textbook() -> None:
    # 2 (1.959964 + 0.841621)^2 = 15.698 an arm for an effect of one standard deviation.
    assert sample_size(1, (0.5, 0.5), 0.1, alpha=0.05, power=0.8) == 3140
    assert minimum_detectable_effect(
        1, (1570, 1570), alpha=0.05, power=0.8
    ) == pytest.approx(0.1, rel=1e-3)
    # Unequal shares need more: 1 / (0.1 * 0.9) instead of 4.
    assert sample_size(1, (0.1, 0.9), 0.1, alpha=0.05, power=0.8) == 8721


def test_the_detectable_effect_is_from_history_and_else_from_the_control() -> None:
    generator = np.random.default_rng(3)
    before, after = generator.normal(0, 2, (2, 400)), generator.normal(0, 5, (2, 400))

    with_history = result(cell(after[0], before[0]), cell(after[1], before[1]))
    without = result(cell(after[0]), cell(after[1]))

    spread = np.std(before.ravel(), ddof=1)
    assert with_history.mde_from == "history"
    assert with_history.mde == pytest.approx(2.8016 * spread / np.sqrt(200), rel=0.01)
    assert without.mde_from == "control"
    assert without.mde == pytest.approx(
        2.8016 * np.std(after[0], ddof=1) / np.sqrt(200), rel=1e-3
    )


def test_a_sample_ratio_fault_is_caught_and_stops_the_decision() -> None:
    # Chi-square of 5,000 and 5,200 for halves: 2 * 100^2 / 5,100 = 3.92.
    assert sample_ratio_p_value([5000, 5200], [5100, 5100]) == pytest.approx(
        0.0477, abs=5e-5
    )
    control, email = of_ones(200, 5000), of_ones(450, 5600)
    assigned = expected_counts(
        {"": {"control": 5000, "email": 5600}}, {"": {"control": 0.5, "email": 0.5}}
    )

    found = result(control, email, kind="proportion", assigned=assigned)

    assert found.srm_p_value is not None and found.srm_p_value < 1e-8
    assert found.decision == "sample_ratio_mismatch"


def test_who_came_into_an_arm_without_a_share_is_a_fault() -> None:
    assert sample_ratio_p_value([10, 10, 1], [10, 11, 0]) == 0.0
    assert sample_ratio_p_value([10, 10, 0], [10, 10, 0]) == 1.0
    assert sample_ratio_p_value([0, 0], [0, 0]) is None


def test_shares_that_changed_on_the_way_are_no_sample_ratio_fault() -> None:
    counts = {"before": {"control": 500, "email": 500}, "after": {"email": 1000}}
    shares = {
        "before": {"control": 0.5, "email": 0.5},
        "after": {"control": 0.0, "email": 1.0},
    }

    arms = expected_counts(counts, shares)

    assert [(arm.arm, arm.count, arm.expected) for arm in arms] == [
        ("control", 500, 500),
        ("email", 1500, 1500),
    ]


@pytest.mark.parametrize(
    ("plan", "waits_for"),
    [
        ({"planned_sample": 10_001}, "planned_sample"),
        ({"planned_mde": 0.001}, "planned_mde"),
        (
            {"min_days": 30, "starts_on": "2026-10-01", "as_of": "2026-10-30"},
            "min_days",
        ),
        ({"min_days": 30}, "min_days"),
        (
            {"planned_sample": 10_001, "planned_mde": 0.001, "min_days": 1},
            "planned_sample, planned_mde, min_days",
        ),
    ],
)
def test_a_decision_that_is_too_early_is_refused(
    plan: dict[str, Any], waits_for: str
) -> None:
    found = result(
        of_ones(200, 5000), of_ones(450, 5000), kind="proportion", **dated(plan)
    )

    assert (found.decision, found.waits_for) == ("too_early", waits_for)


@pytest.mark.parametrize(
    "plan",
    [
        {"planned_sample": 10_000},
        {"planned_mde": 0.017},
        {"min_days": 30, "starts_on": "2026-10-01", "as_of": "2026-10-31"},
    ],
)
def test_a_decision_comes_when_it_was_planned_to(plan: dict[str, Any]) -> None:
    found = result(
        of_ones(450, 5000), of_ones(200, 5000), kind="proportion", **dated(plan)
    )

    assert (found.decision, found.waits_for) == ("treatment_lower", None)


def dated(plan: Mapping[str, Any]) -> dict[str, Any]:
    from datetime import date

    return {
        key: date.fromisoformat(value) if isinstance(value, str) else value
        for key, value in plan.items()
    }


@pytest.mark.parametrize("kind", ["proportion", "mean"])
def test_arms_of_nobody_or_without_any_difference_tell_nothing(kind: Kind) -> None:
    nobody = [
        Assigned(arm="control", count=3, expected=3),
        Assigned(arm="email", count=0, expected=0),
    ]
    (found,) = results({"all": {"control": of_ones(1, 3)}}, kind=kind, assigned=nobody)
    alike = result(of_ones(0, 10), of_ones(0, 10), kind=kind)

    assert (found.decision, found.lift_abs) == ("cannot_tell", None)
    assert (alike.decision, alike.p_value) == ("cannot_tell", None)


def test_the_expected_lift_stands_beside_the_actual_one() -> None:
    arms = (of_ones(200, 5000), of_ones(450, 5000))

    absolute = result(*arms, kind="proportion", expected_lift_abs=0.05)
    relative = result(*arms, kind="proportion", expected_lift_rel=0.5)

    assert absolute.expected_lift_rel == pytest.approx(1.25)
    assert absolute.is_expected_in_interval is True
    assert relative.expected_lift_abs == pytest.approx(0.02)
    assert relative.is_expected_in_interval is False


# Strata.


def test_strata_of_another_mix_do_not_turn_the_sign() -> None:
    """Simpson's paradox: the arm is better in both strata and worse in the sum."""
    mixed = {
        "easy": {"control": of_ones(234, 270), "email": of_ones(81, 87)},
        "hard": {"control": of_ones(55, 80), "email": of_ones(192, 263)},
    }

    (found,) = results(mixed, kind="proportion")

    assert found.mean is not None and found.control_mean is not None
    assert found.mean < found.control_mean
    assert found.lift_abs is not None and found.lift_abs > 0
    assert found.lift_abs == pytest.approx(
        (357 * (81 / 87 - 234 / 270) + 343 * (192 / 263 - 55 / 80)) / 700
    )


def test_a_stratum_without_one_of_the_arms_joins_the_others() -> None:
    strata = {
        "Kazan": {"control": of_ones(1, 10), "email": of_ones(2, 10)},
        "Moscow": {"control": of_ones(5, 50), "email": of_ones(9, 50)},
        "Omsk": {"email": of_ones(1, 3)},
        "Tula": {"control": of_ones(1, 1)},
    }

    whole = with_every_arm(strata, ["control", "email"])

    assert [
        {arm: cell.count for arm, cell in stratum.items()} for stratum in whole
    ] == [{"control": 10, "email": 10}, {"control": 51, "email": 53}]


@given(
    st.lists(
        st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=9), min_size=1, max_size=5
    )
)
def test_cells_add_up_to_the_cell_of_all(groups: list[list[float]]) -> None:
    everything = [value for group in groups for value in group]

    added = together(cell(group, group) for group in groups)
    whole = cell(everything, everything)

    assert added.count == whole.count
    assert added.mean == pytest.approx(whole.mean, abs=1e-6)
    assert added.squares == pytest.approx(whole.squares, rel=1e-6, abs=1e-3)
    assert added.products == pytest.approx(whole.products, rel=1e-6, abs=1e-3)


def test_sql_makes_the_same_cells() -> None:
    generator = np.random.default_rng(5)
    values, prior = generator.lognormal(8, 1, (2, 500))
    arms = generator.integers(0, 2, 500)
    with duckdb.connect() as connection:
        connection.execute(
            "create table t (stratum varchar, arm varchar, value double,"
            " prior_value double)"
        )
        connection.executemany(
            "insert into t values ('all', ?, ?, ?)",
            [
                [("control", "email")[arm], value, before]
                for arm, value, before in zip(
                    arms.tolist(), values.tolist(), prior.tolist(), strict=True
                )
            ],
        )
        found = read_cells(connection, "t")["all"]

    for number, arm in enumerate(("control", "email")):
        expected = cell(values[arms == number], prior[arms == number])
        for field in ("count", "mean", "squares", "prior_squares", "products"):
            assert getattr(found[arm], field) == pytest.approx(getattr(expected, field))


# Simulations: 1,000 experiments each, with a fixed seed.


def runs_of(
    lift: float, *, kind: Kind, history: bool = False, strata: bool = False
) -> Iterator[tuple[Result, float]]:
    """Experiments with a planted lift, and the control's true mean.

    Values are as orders are: most customers have none, the others skewed amounts.
    History tells of the same habits; strata differ in their level.
    """
    generator = np.random.default_rng(360)
    for _ in range(RUNS):
        habit = generator.normal(0, 1, 600)
        stratum = generator.integers(0, 3, 600) if strata else np.zeros(600, int)
        arm = generator.random(600) < 0.5
        if kind == "proportion":
            base = 0.2 + 0.1 * stratum
            values = (generator.random(600) < base + lift * arm).astype(float)
            truth = base.mean()
        else:
            values = (
                10 + 3 * habit + 4 * stratum + generator.gamma(1, 2, 600) + lift * arm
            )
            truth = 12 + 4 * float(stratum.mean())
        prior = 3 * habit + generator.normal(0, 1, 600) if history else None
        cells = {
            f"s{number}": {
                name: cell(
                    values[(stratum == number) & (arm == treated)],
                    None
                    if prior is None
                    else prior[(stratum == number) & (arm == treated)],
                )
                for name, treated in (("control", False), ("email", True))
            }
            for number in np.unique(stratum)
        }
        (found,) = results(cells, kind=kind)
        yield found, float(truth)


SETTINGS: list[dict[str, Any]] = [
    {"kind": "proportion"},
    {"kind": "mean"},
    {"kind": "mean", "history": True},
    {"kind": "mean", "strata": True},
    {"kind": "proportion", "strata": True},
    {"kind": "mean", "history": True, "strata": True},
]


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_without_an_effect_as_many_runs_find_one_as_alpha_says(
    setting: dict[str, Any],
) -> None:
    found = [each for each, _ in runs_of(0, **setting)]

    assert sum(each.decision != "no_difference_found" for each in found) in NOMINAL
    assert all(
        each.estimator == ("cuped" if "history" in setting else "plain")
        for each in found
    )


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
def test_intervals_hold_the_planted_lift_as_often_as_they_say(
    setting: dict[str, Any],
) -> None:
    lift = 0.1 if setting["kind"] == "proportion" else 1.5
    found = list(runs_of(lift, **setting))

    missed = sum(not each.ci_low <= lift <= each.ci_high for each, _ in found)  # type: ignore[operator]
    missed_relative = sum(
        not each.lift_rel_low <= lift / truth <= each.lift_rel_high  # type: ignore[operator]
        for each, truth in found
    )
    lifts = np.array([each.lift_abs for each, _ in found])

    assert missed in NOMINAL
    assert missed_relative in NOMINAL
    assert abs(lifts.mean() - lift) < 4 * lifts.std() / np.sqrt(RUNS)


def test_history_makes_intervals_narrower_and_leaves_the_lift_where_it_is() -> None:
    found = [each for each, _ in runs_of(1.5, kind="mean", history=True)]
    lifts = np.array([each.lift_abs for each in found])
    plain = np.array([each.plain_lift_abs for each in found])

    # Habits make 9 of 13 parts of the variance, and the history tells nine tenths.
    assert lifts.var() < 0.5 * plain.var()
    assert np.mean([each.variance_reduction for each in found]) == pytest.approx(
        81 / 10 / 13, abs=0.02
    )
    assert abs(lifts.mean() - 1.5) < 4 * lifts.std() / np.sqrt(RUNS)


def test_a_history_that_was_the_same_for_all_changes_nothing() -> None:
    values = np.arange(40.0)

    found = result(cell(values[:20], np.ones(20)), cell(values[20:], np.ones(20)))

    assert (found.estimator, found.variance_reduction) == ("plain", None)
    assert found.lift_abs == found.plain_lift_abs == 20


def test_sound_assignments_raise_the_sample_ratio_alarm_once_in_a_thousand() -> None:
    generator = np.random.default_rng(360)
    counts = generator.multinomial(10_000, [0.1, 0.45, 0.45], size=RUNS)

    p_values = np.array(
        [sample_ratio_p_value(each.tolist(), [1000, 4500, 4500]) for each in counts]
    )

    assert int((p_values < 0.001).sum()) <= 6
    assert int((p_values < 0.05).sum()) in NOMINAL
