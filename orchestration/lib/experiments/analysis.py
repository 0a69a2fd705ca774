"""From customers with their arms and values to results and a decision.

Intention to treat: who was assigned counts, whatever they got or did. The sample ratio
is judged on all assignments as they were made, also of customers who are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import duckdb

from orchestration.lib.experiments.cells import (
    LEAST,
    Cell,
    Strata,
    together,
    with_every_arm,
)
from orchestration.lib.experiments.inference import (
    Estimate,
    Kind,
    adjusted_by_history,
    compare,
    holm,
    minimum_detectable_effect,
    sample_ratio_p_value,
)

Decision = Literal[
    "treatment_higher",
    "treatment_lower",
    "no_difference_found",
    "too_early",
    "sample_ratio_mismatch",
    "cannot_tell",
]
#: Below this, something is wrong with how people came into arms.
SAMPLE_RATIO_ALPHA = 0.001
ALPHA = 0.05
POWER = 0.8
#: More digits would be those of floating-point numbers, not of the data.
_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What was settled before the first result was seen."""

    control: str
    metric: str
    kind: Kind
    alpha: float = ALPHA
    power: float = POWER
    #: No decision before so many customers over all arms, and before the smallest
    #: lift that would show is as small as this.
    planned_sample: int | None = None
    planned_mde: float | None = None
    #: No decision before so many days after the start.
    starts_on: date | None = None
    min_days: int = 0
    as_of: date | None = None
    #: What was expected: a lift in units of the metric, or as a fraction.
    expected_lift_abs: float | None = None
    expected_lift_rel: float | None = None


@dataclass(frozen=True, kw_only=True)
class Assigned:
    """How many were assigned to an arm, and how many should have been."""

    arm: str
    count: int
    expected: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """One arm against the control; null where something cannot be said."""

    metric: str
    arm: str
    control_arm: str
    decision: Decision
    #: What a decision that is too early waits for: planned_sample, planned_mde,
    #: min_days; commas between.
    waits_for: str | None
    kind: Kind
    #: `cuped` where the time before the start foretells something, else `plain`.
    estimator: Literal["cuped", "plain"]
    customers: int
    control_customers: int
    mean: float | None
    control_mean: float | None
    lift_abs: float | None
    ci_low: float | None
    ci_high: float | None
    lift_rel: float | None
    lift_rel_low: float | None
    lift_rel_high: float | None
    #: z of a proportion, t of a mean.
    statistic: float | None
    p_value: float | None
    #: Corrected for the number of arms.
    p_value_adjusted: float | None
    srm_p_value: float | None
    mde: float | None
    #: What the variance behind it is of: `history` or `control`.
    mde_from: Literal["history", "control"] | None
    expected_lift_abs: float | None
    expected_lift_rel: float | None
    is_expected_in_interval: bool | None
    #: Without regard to the time before.
    plain_lift_abs: float | None
    plain_p_value: float | None
    #: Share of the variance that the time before explains.
    variance_reduction: float | None


def read_cells(
    connection: duckdb.DuckDBPyConnection, relation: str
) -> dict[str, dict[str, Cell]]:
    """Cells by stratum and arm, the same in whatever order the rows stand.

    Args:
        relation: SQL with `stratum, arm, value, prior_value`, one row per customer.
    """
    strata: dict[str, dict[str, Cell]] = {}
    for stratum, arm, *numbers in connection.execute(
        f"""
        with

        measured as (

            select
                stratum,
                arm,
                cast(value as double) as value,
                cast(coalesce(prior_value, 0) as double) as prior_value
            from {relation}

        )

        select
            stratum,
            arm,
            count(*),
            avg(value order by value),
            count(*) * var_pop(value order by value),
            avg(prior_value order by prior_value),
            count(*) * var_pop(prior_value order by prior_value),
            count(*) * covar_pop(value, prior_value order by value, prior_value)
        from measured
        group by stratum, arm
        order by stratum, arm
        """
    ).fetchall():
        strata.setdefault(stratum, {})[arm] = Cell(*numbers)
    return strata


def analyse(strata: Strata, assigned: Sequence[Assigned], plan: Plan) -> list[Result]:
    """Every arm but the control against it, in the order of `assigned`."""
    totals = {
        arm.arm: together(
            stratum[arm.arm] for stratum in strata.values() if arm.arm in stratum
        )
        for arm in assigned
    }
    comparable = [arm for arm, total in totals.items() if total.count >= LEAST]
    arms = [arm for arm in totals if arm != plan.control]
    whole = with_every_arm(
        {
            name: {arm: cells[arm] for arm in comparable if arm in cells}
            for name, cells in strata.items()
        },
        comparable,
    )
    adjusted = adjusted_by_history(whole)
    plain = [_estimate(whole, arm, comparable, plan, plan.kind) for arm in arms]
    estimates = plain
    if adjusted:
        estimates = [
            _estimate(adjusted[0], arm, comparable, plan, "mean") for arm in arms
        ]
    p_values = holm([each.p_value for each in estimates])
    srm = sample_ratio_p_value(
        [arm.count for arm in assigned], [arm.expected for arm in assigned]
    )
    control = totals.get(plan.control, Cell(0, 0.0, 0.0))
    variance, variance_from = _variance(whole, control, plan.kind)
    if adjusted and variance is not None:
        variance *= 1 - adjusted[1]
    results = []
    for arm, estimate, without, p_value in zip(
        arms, estimates, plain, p_values, strict=True
    ):
        total = totals[arm]
        mde = (
            minimum_detectable_effect(
                variance,
                (control.count, total.count),
                alpha=plan.alpha,
                power=plan.power,
            )
            if variance is not None and control.count and total.count
            else None
        )
        waits_for = _waits_for(plan, sum(each.count for each in totals.values()), mde)
        control_mean = control.mean if control.count else None
        expected_abs, expected_rel = _expected(plan, control_mean)
        results.append(
            Result(
                metric=plan.metric,
                arm=arm,
                control_arm=plan.control,
                decision=_decision(plan, estimate, p_value, srm, waits_for),
                waits_for=waits_for or None,
                kind=plan.kind,
                estimator="cuped" if adjusted else "plain",
                customers=total.count,
                control_customers=control.count,
                mean=_rounded(total.mean if total.count else None),
                control_mean=_rounded(control_mean),
                lift_abs=_rounded(estimate.lift_abs),
                ci_low=_rounded(estimate.ci_low),
                ci_high=_rounded(estimate.ci_high),
                lift_rel=_rounded(estimate.lift_rel),
                lift_rel_low=_rounded(estimate.lift_rel_low),
                lift_rel_high=_rounded(estimate.lift_rel_high),
                statistic=_rounded(estimate.statistic),
                p_value=_rounded(estimate.p_value),
                p_value_adjusted=_rounded(p_value),
                srm_p_value=_rounded(srm),
                mde=_rounded(mde),
                mde_from=variance_from if mde is not None else None,
                expected_lift_abs=_rounded(expected_abs),
                expected_lift_rel=_rounded(expected_rel),
                is_expected_in_interval=(
                    estimate.ci_low <= expected_abs <= estimate.ci_high
                    if expected_abs is not None
                    and estimate.ci_low is not None
                    and estimate.ci_high is not None
                    else None
                ),
                plain_lift_abs=_rounded(without.lift_abs),
                plain_p_value=_rounded(without.p_value),
                variance_reduction=_rounded(adjusted[1]) if adjusted else None,
            )
        )
    return results


def expected_counts(
    counts: Mapping[str, Mapping[str, int]], shares: Mapping[str, Mapping[str, float]]
) -> list[Assigned]:
    """Assignments by arm, with how many there should have been.

    Args:
        counts: assignments by allocation and arm.
        shares: shares of arms by allocation, in order; shares may change on the way.
    """
    arms = list(dict.fromkeys(arm for each in shares.values() for arm in each))
    return [
        Assigned(
            arm=arm,
            count=sum(each.get(arm, 0) for each in counts.values()),
            expected=sum(
                sum(counts[name].values()) * shares[name].get(arm, 0.0)
                for name in counts
            ),
        )
        for arm in arms
    ]


def _estimate(
    strata: Sequence[Mapping[str, Cell]],
    arm: str,
    comparable: Sequence[str],
    plan: Plan,
    kind: Kind,
) -> Estimate:
    if plan.control not in comparable or arm not in comparable:
        return Estimate()
    return compare(strata, plan.control, arm, kind, plan.alpha)


def _variance(
    strata: Sequence[Mapping[str, Cell]], control: Cell, kind: Kind
) -> tuple[float | None, Literal["history", "control"] | None]:
    """The metric's variance before the start, else in the control until now."""
    everybody = together(cell for stratum in strata for cell in stratum.values())
    if everybody.prior_squares > 0 and everybody.count >= LEAST:
        return everybody.prior_squares / (everybody.count - 1), "history"
    if control.count >= LEAST and control.squares > 0:
        size = control.count if kind == "proportion" else control.count - 1
        return control.squares / size, "control"
    return None, None


def _waits_for(plan: Plan, customers: int, mde: float | None) -> str:
    waits = []
    if plan.planned_sample is not None and customers < plan.planned_sample:
        waits.append("planned_sample")
    if plan.planned_mde is not None and (mde is None or mde > plan.planned_mde):
        waits.append("planned_mde")
    if plan.min_days and (
        plan.starts_on is None
        or plan.as_of is None
        or (plan.as_of - plan.starts_on).days < plan.min_days
    ):
        waits.append("min_days")
    return ", ".join(waits)


def _decision(
    plan: Plan,
    estimate: Estimate,
    p_value: float | None,
    srm: float | None,
    waits_for: str,
) -> Decision:
    if srm is not None and srm < SAMPLE_RATIO_ALPHA:
        return "sample_ratio_mismatch"
    if waits_for:
        return "too_early"
    if p_value is None or estimate.lift_abs is None:
        return "cannot_tell"
    if p_value >= plan.alpha:
        return "no_difference_found"
    return "treatment_higher" if estimate.lift_abs > 0 else "treatment_lower"


def _expected(
    plan: Plan, control_mean: float | None
) -> tuple[float | None, float | None]:
    """The expected lift in units of the metric and as a fraction."""
    lift_abs, lift_rel = plan.expected_lift_abs, plan.expected_lift_rel
    if control_mean is not None and control_mean > 0:
        if lift_abs is None and lift_rel is not None:
            lift_abs = lift_rel * control_mean
        elif lift_rel is None and lift_abs is not None:
            lift_rel = lift_abs / control_mean
    return lift_abs, lift_rel


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{_DIGITS}g}")
