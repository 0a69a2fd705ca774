"""An experiment as a page: what it says, and that its pictures are to scale."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from orchestration.lib.experiments.declaration import Arm, Experiment
from orchestration.lib.experiments.report import bars, render

EXPERIMENT = Experiment(
    name="winback_holdout",
    hypothesis="An e-mail brings <lapsed> customers back.",
    segment="lapsed",
    channel="email",
    audience="winback",
    starts_on=date(2026, 10, 1),
    ends_on=date(2026, 12, 31),
    min_days=30,
    arms=(
        Arm(name="control", share=0.1, is_control=True),
        Arm(name="email", share=0.9),
    ),
    salt="winback",
    stratify_by=None,
    budget=50_000,
    planned_sample=2000,
    planned_mde=None,
    alpha=0.05,
    power=0.8,
    metrics=("buyers", "net_revenue"),
    expected_lift_abs=0.02,
    expected_lift_rel=None,
)


def result(metric: str = "buyers", **values: Any) -> dict[str, Any]:
    return {
        "experiment": "winback_holdout",
        "metric": metric,
        "arm": "email",
        "control_arm": "control",
        "decision": "treatment_higher",
        "waits_for": None,
        "customers": 1800,
        "control_customers": 200,
        "customers_in_several_arms": 3,
        "ids_without_customer": 0,
        "mean": 0.09,
        "control_mean": 0.04,
        "lift_abs": 0.05,
        "ci_low": 0.02,
        "ci_high": 0.08,
        "lift_rel": 1.25,
        "p_value_adjusted": 0.00012,
        "srm_p_value": 0.4,
        "mde": 0.018,
        "expected_lift_abs": 0.02,
        "is_deciding": metric == "buyers",
    } | values


def page(*results: dict[str, Any], experiment: Experiment = EXPERIMENT) -> str:
    return render(experiment, results, as_of=date(2026, 11, 15), currency="RUB")


def test_the_page_answers_the_five_questions_and_says_what_came_of_it() -> None:
    shown = page(result())

    for answer in (
        "the segment lapsed, reached by email",
        "2026-10-01 to 2026-12-31",
        "50,000 RUB, 2,000 customers planned",
        "buyers +2.00 points",
        "email: buyers +5.00 points (+125.0%)",
        "email: more buyers than control",
        "3 customers are left out",
    ):
        assert answer in shown
    assert "An e-mail brings &lt;lapsed&gt; customers back." in shown


def test_revenue_beyond_the_control_s_stands_beside_the_budget() -> None:
    revenue = result(
        "net_revenue", lift_abs=61.5, ci_low=-4.0, ci_high=127.0, expected_lift_abs=None
    )

    shown = page(revenue, result())

    assert "+110,700 RUB" in shown
    assert "-7,200 RUB" in shown
    assert shown.index("buyers per customer: decides") < shown.index("net_revenue per")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        (
            {"decision": "too_early", "waits_for": "planned_sample, min_days"},
            "too early to decide, which waits for the planned number of customers and"
            " the planned number of days",
        ),
        (
            {"decision": "no_difference_found"},
            "no difference in buyers from control was found",
        ),
        ({"decision": "sample_ratio_mismatch"}, "nothing counts"),
        (
            {
                "decision": "cannot_tell",
                **dict.fromkeys(
                    ("lift_abs", "ci_low", "ci_high", "lift_rel", "p_value_adjusted")
                ),
            },
            "nothing can be told",
        ),
    ],
)
def test_what_is_not_decided_says_why(values: dict[str, Any], verdict: str) -> None:
    assert f"email: {verdict}" in page(result(**values))


def test_arms_of_a_metric_are_drawn_to_one_scale_with_zero_and_the_expectation() -> (
    None
):
    email, sms = bars(
        [
            result(),
            result(arm="sms", ci_low=-0.02, lift_abs=0.0, ci_high=0.02),
        ]
    )

    assert email and sms
    assert email.zero == sms.zero == sms.lift
    assert sms.high == email.low == email.expected
    assert (sms.low, email.high) == (4.0, 96.0)


def test_an_arm_without_an_interval_has_no_bar() -> None:
    assert bars([result(ci_low=None, ci_high=None)]) == [None]


def test_an_expectation_may_be_relative() -> None:
    experiment = replace(EXPERIMENT, expected_lift_abs=None, expected_lift_rel=0.1)

    assert "buyers +10.0%" in page(
        result(expected_lift_abs=None), experiment=experiment
    )
