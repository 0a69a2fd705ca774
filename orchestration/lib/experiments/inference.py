"""What two arms say: lift, interval, p-value; and what they could have said.

Proportions are compared by the two-sample z-test (pooled variance for the test,
unpooled for the interval), means by Welch's. Relative lift has Fieller's interval,
which holds zero exactly when the interval of the absolute lift does. With strata the
lift is the mean of the lifts within them, weighted by their sizes.

scipy is loaded where it is needed: a run without experiments does not wait for it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from orchestration.lib.experiments.cells import LEAST, Cell, together

Kind = Literal["proportion", "mean"]


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How an arm differs from the control; null where that cannot be said."""

    lift_abs: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    lift_rel: float | None = None
    lift_rel_low: float | None = None
    lift_rel_high: float | None = None
    #: z or t of the test, and its two-sided p-value.
    statistic: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class _Mean:
    """The mean of an arm over all strata, its variance, and degrees of freedom."""

    value: float
    variance: float
    #: Sum of squared terms of the variance over their degrees of freedom.
    satterthwaite: float


def compare(
    strata: Sequence[Mapping[str, Cell]],
    control: str,
    arm: str,
    kind: Kind,
    alpha: float,
) -> Estimate:
    """The lift of an arm over the control.

    Args:
        strata: cells by arm, one mapping per stratum, of all arms.
        alpha: one less the level of the intervals, two-sided.
    """
    from scipy.special import ndtr, ndtri, stdtr, stdtrit

    if any(
        stratum[name].count < LEAST for stratum in strata for name in (control, arm)
    ):
        return Estimate()
    weights = _weights(strata)
    base = _mean(strata, weights, control, kind)
    treated = _mean(strata, weights, arm, kind)
    lift = treated.value - base.value
    variance = base.variance + treated.variance
    if kind == "proportion":
        quantile = float(ndtri(1 - alpha / 2))
        null_variance = _pooled_variance(strata, weights, control, arm)
        z = _quotient(lift, math.sqrt(null_variance))
        p_value = None if z is None else float(2 * ndtr(-abs(z)))
        statistic = z
    else:
        terms = base.satterthwaite + treated.satterthwaite
        freedom = variance * variance / terms if terms > 0 else math.inf
        quantile = float(
            stdtrit(freedom, 1 - alpha / 2)
            if math.isfinite(freedom)
            else ndtri(1 - alpha / 2)
        )
        statistic = _quotient(lift, math.sqrt(variance))
        p_value = (
            None if statistic is None else float(2 * stdtr(freedom, -abs(statistic)))
        )
    half = quantile * math.sqrt(variance)
    relative = _fieller(base, treated, quantile)
    return Estimate(
        lift_abs=lift,
        ci_low=lift - half,
        ci_high=lift + half,
        lift_rel=treated.value / base.value - 1 if base.value > 0 else None,
        lift_rel_low=relative[0] if relative else None,
        lift_rel_high=relative[1] if relative else None,
        statistic=statistic,
        p_value=p_value,
    )


def adjusted_by_history(
    strata: Sequence[Mapping[str, Cell]],
) -> tuple[list[dict[str, Cell]], float] | None:
    """CUPED: the cells less what the time before foretells, and the share it takes.

    The slope is one for all arms and strata, from the deviations within them. None
    where the time before says nothing, because all customers were alike in it.

    Returns:
        Cells as given, adjusted; share of the variance within cells that is gone.
    """
    cells = [cell for stratum in strata for cell in stratum.values()]
    prior_squares = sum(cell.prior_squares for cell in cells)
    squares = sum(cell.squares for cell in cells)
    if prior_squares <= 0 or squares <= 0:
        return None
    slope = sum(cell.products for cell in cells) / prior_squares
    adjusted = []
    for stratum in strata:
        prior_mean = together(stratum.values()).prior_mean
        adjusted.append(
            {arm: cell.adjusted(slope, prior_mean) for arm, cell in stratum.items()}
        )
    return adjusted, slope * slope * prior_squares / squares


def sample_ratio_p_value(
    counts: Sequence[float], expected: Sequence[float]
) -> float | None:
    """Chi-square test of numbers assigned against numbers expected.

    None where there is nothing to compare.
    """
    from scipy.special import chdtrc

    if sum(counts) <= 0 or len(counts) < LEAST:
        return None
    if any(want <= 0 < got for got, want in zip(counts, expected, strict=True)):
        return 0.0
    statistic = sum(
        (got - want) ** 2 / want
        for got, want in zip(counts, expected, strict=True)
        if want > 0
    )
    return float(chdtrc(len(counts) - 1, statistic))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values corrected for how many there are, in the order given (Holm 1979)."""
    known = sorted(
        (p_value, number)
        for number, p_value in enumerate(p_values)
        if p_value is not None
    )
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p_value, number) in enumerate(known):
        largest = max(largest, min(1.0, p_value * (len(known) - rank)))
        corrected[number] = largest
    return corrected


def minimum_detectable_effect(
    variance: float, counts: tuple[float, float], *, alpha: float, power: float
) -> float:
    """The absolute lift that two arms of these sizes would show with this power."""
    one, other = counts
    return _quantiles(alpha, power) * math.sqrt(variance * (1 / one + 1 / other))


def sample_size(
    variance: float,
    shares: tuple[float, float],
    effect: float,
    *,
    alpha: float,
    power: float,
) -> int:
    """Customers over all arms, so that two of them, of these shares, show an effect."""
    one, other = shares
    needed = variance * (1 / one + 1 / other) * (_quantiles(alpha, power) / effect) ** 2
    return math.ceil(needed - 1e-9)


def _quantiles(alpha: float, power: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(power))


def _weights(strata: Sequence[Mapping[str, Cell]]) -> list[float]:
    sizes = [sum(cell.count for cell in stratum.values()) for stratum in strata]
    return [size / sum(sizes) for size in sizes]


def _mean(
    strata: Sequence[Mapping[str, Cell]],
    weights: Sequence[float],
    arm: str,
    kind: Kind,
) -> _Mean:
    value = variance = terms = 0.0
    for stratum, weight in zip(strata, weights, strict=True):
        cell = stratum[arm]
        # Of a proportion p the variance is p(1 - p), as the textbook has it.
        spread = cell.squares / cell.count if kind == "proportion" else cell.variance
        part = weight * weight * spread / cell.count
        value += weight * cell.mean
        variance += part
        terms += part * part / (cell.count - 1)
    return _Mean(value, variance, terms)


def _pooled_variance(
    strata: Sequence[Mapping[str, Cell]],
    weights: Sequence[float],
    control: str,
    arm: str,
) -> float:
    total = 0.0
    for stratum, weight in zip(strata, weights, strict=True):
        both = stratum[control] + stratum[arm]
        spread = both.squares / both.count
        total += (
            weight
            * weight
            * spread
            * (1 / stratum[control].count + 1 / stratum[arm].count)
        )
    return total


def _fieller(
    base: _Mean, treated: _Mean, quantile: float
) -> tuple[float, float] | None:
    """The interval of treated / base - 1; None where it has no bounds."""
    square = quantile * quantile
    leading = base.value * base.value - square * base.variance
    if base.value <= 0 or leading <= 0:
        return None
    middle = base.value * treated.value
    last = treated.value * treated.value - square * treated.variance
    root = math.sqrt(max(0.0, middle * middle - leading * last))
    return (middle - root) / leading - 1, (middle + root) / leading - 1


def _quotient(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator > 0 else None
