"""A model of one population of customers: fitted, held against the past, applied.

A model that has no maximum, or that forecasts the last quarter of the history no better
than "everybody goes on as before", gives no figures and says why.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from orchestration.lib.forecast import bg_nbd, gamma_gamma
from orchestration.lib.forecast.bg_nbd import BgNbd, Histories
from orchestration.lib.forecast.gamma_gamma import Averages, GammaGamma
from orchestration.lib.forecast.likelihood import Array, rounded

Days = npt.NDArray[np.int64]
_Model = TypeVar("_Model", BgNbd, GammaGamma)
#: Days of a unit of time; a month is a twelfth of 365.25 days.
UNITS = {"days": 1.0, "weeks": 7.0, "months": 365.25 / 12}
#: Months ahead.
HORIZONS = (3, 6, 12)
FIGURES = (
    "alive_probability",
    *(f"expected_orders_{months}m" for months in HORIZONS),
    *(f"clv_expected_{months}m" for months in HORIZONS),
)

NO_REPEATS = "no_repeat_orders"
NO_MAXIMUM = "did_not_converge"
TOO_SHORT = "history_too_short"
NO_BETTER = "no_better_than_naive"
TOO_FEW = "too_few_customers"
#: Customers who ordered again without whom four parameters are noise.
_LEAST_REPEAT_CUSTOMERS = 30


@dataclass(frozen=True)
class Customers:
    """Histories up to a day, one element per customer; same-day orders are one."""

    #: Days with an order after the first such day, and what these cost together.
    repeats: Days
    repeat_amount: Array
    #: From the first day with an order to the last, and to the end of the history.
    recency_days: Days
    age_days: Days

    def __len__(self) -> int:
        """How many customers."""
        return len(self.repeats)


@dataclass(frozen=True)
class Observation:
    """What is known of a population: all of it, and all but its last quarter."""

    whole: Customers
    #: Customers who had ordered by the cut, as they were then, and what they did
    #: in the days from the cut to the end.
    before_cut: Customers
    orders_after_cut: Array
    amount_after_cut: Array
    holdout_days: int


@dataclass(frozen=True, kw_only=True)
class Errors:
    """A forecast of the time after the cut, and the naive one, against what was.

    Naive: everybody goes on at the rate of their own past, counted over at least as
    many days as are forecast, so that two orders in one week are no rate for a year.
    """

    actual: float
    expected: float
    naive: float
    #: Of the totals, as a share of the actual one; None where that is nothing.
    total_error: float | None
    naive_total_error: float | None
    #: Mean absolute and root mean square errors per customer.
    mae: float
    naive_mae: float
    rmse: float
    naive_rmse: float

    @property
    def beats_naive(self) -> bool:
        """By the root mean square, which an expected value makes smallest."""
        return self.rmse < self.naive_rmse


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a population says about its future, and how far to believe it.

    Each of the two models has its parameters where it has a maximum, and a reason
    where it gives no figures.
    """

    customers: int
    repeat_customers: int
    holdout_customers: int
    orders: BgNbd | None
    orders_log_likelihood: float | None
    orders_errors: Errors | None
    orders_reason: str | None
    value: GammaGamma | None
    value_log_likelihood: float | None
    revenue_errors: Errors | None
    value_reason: str | None
    #: What kept a model from its maximum, in words.
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Judgement:
    """What the models, fitted before the cut, said of the time after it."""

    orders_errors: Errors | None = None
    orders_reason: str | None = None
    revenue_errors: Errors | None = None
    value_reason: str | None = None
    problems: tuple[str | None, ...] = ()


def fit(observation: Observation, unit: str) -> Fit:
    """Fit both models to the whole history, and judge them by the cut one."""
    whole = observation.whole
    orders, value = _fit_orders(whole, unit), _fit_value(whole)
    judged = _judge(observation, unit) if orders.model else _Judgement()
    orders_reason = orders.reason or judged.orders_reason
    problems = (orders.problem, value.problem, *judged.problems)
    return Fit(
        customers=len(whole),
        repeat_customers=int((whole.repeats > 0).sum()),
        holdout_customers=len(observation.before_cut),
        orders=orders.model,
        orders_log_likelihood=orders.log_likelihood,
        orders_errors=judged.orders_errors,
        orders_reason=orders_reason,
        value=value.model,
        value_log_likelihood=value.log_likelihood,
        revenue_errors=judged.revenue_errors,
        # Revenue is orders times value: without the first it says nothing either.
        value_reason=orders_reason or value.reason or judged.value_reason,
        problems=tuple(filter(None, problems)),
    )


def too_few(observation: Observation) -> Fit:
    """The fit of a segment that is too small for one."""
    return Fit(
        customers=len(observation.whole),
        repeat_customers=int((observation.whole.repeats > 0).sum()),
        holdout_customers=len(observation.before_cut),
        orders=None,
        orders_log_likelihood=None,
        orders_errors=None,
        orders_reason=TOO_FEW,
        value=None,
        value_log_likelihood=None,
        revenue_errors=None,
        value_reason=TOO_FEW,
        problems=(),
    )


def score(fitted: Fit, customers: Customers, unit: str) -> Array:
    """Figures of customers: one row each, a column for each of `FIGURES`.

    Not a number where the fit gives none.
    """
    figures = np.full((len(customers), len(FIGURES)), np.nan)
    if fitted.orders is None or fitted.orders_reason or not len(customers):
        return figures
    histories, places = distinct(customers, unit)
    days = [months * UNITS["months"] for months in HORIZONS]
    orders = _expected_orders(fitted.orders, customers, unit, days)
    figures[:, 0] = bg_nbd.alive_probability(fitted.orders, histories)[places]
    figures[:, 1:4] = orders
    if fitted.value is not None and not fitted.value_reason:
        figures[:, 4:] = orders * _expected_value(fitted.value, customers)[:, None]
    return figures


def distinct(
    customers: Customers, unit: str
) -> tuple[Histories, npt.NDArray[np.int64]]:
    """Distinct (x, t_x, T) in order, and the place of each customer's among them."""
    days = int(customers.age_days.max(initial=0)) + 1
    keys = (customers.repeats * days + customers.recency_days) * days
    keys += customers.age_days
    found, places, counts = np.unique(keys, return_inverse=True, return_counts=True)
    in_unit = UNITS[unit]
    return (
        Histories(
            repeats=(found // (days * days)).astype(float),
            recency=found // days % days / in_unit,
            age=found % days / in_unit,
            customers=counts.astype(float),
        ),
        places,
    )


@dataclass(frozen=True, kw_only=True)
class _Fitted(Generic[_Model]):
    """A model at its maximum, or why there is none: a reason, and the words for it."""

    model: _Model | None = None
    log_likelihood: float | None = None
    reason: str | None = None
    problem: str | None = None


def _judge(observation: Observation, unit: str) -> _Judgement:
    cut, days = observation.before_cut, observation.holdout_days
    if days < 1 or _missing(cut.repeats > 0):
        return _Judgement(orders_reason=TOO_SHORT)
    orders, value = _fit_orders(cut, unit), _fit_value(cut)
    problems = tuple(
        f"before the cut: {problem}"
        for problem in (orders.problem, value.problem)
        if problem
    )
    if orders.model is None:
        return _Judgement(orders_reason=orders.reason, problems=problems)
    expected = _expected_orders(orders.model, cut, unit, [days])[:, 0]
    orders_errors = _errors(
        observation.orders_after_cut,
        expected,
        _naive(cut.repeats.astype(float), cut, days),
    )
    revenue_errors, value_reason = None, value.reason
    if value.model:
        revenue_errors = _errors(
            observation.amount_after_cut,
            expected * _expected_value(value.model, cut),
            _naive(cut.repeat_amount, cut, days),
        )
        value_reason = None if revenue_errors.beats_naive else NO_BETTER
    return _Judgement(
        orders_errors=orders_errors,
        orders_reason=None if orders_errors.beats_naive else NO_BETTER,
        revenue_errors=revenue_errors,
        value_reason=value_reason,
        problems=problems,
    )


def _missing(is_repeat: npt.NDArray[np.bool_]) -> str | None:
    """Why there is too little to learn from; None when there is enough."""
    count = int(is_repeat.sum())
    if not count:
        return NO_REPEATS
    return TOO_FEW if count < _LEAST_REPEAT_CUSTOMERS else None


def _fit_orders(customers: Customers, unit: str) -> _Fitted[BgNbd]:
    reason = _missing(customers.repeats > 0)
    if reason:
        return _Fitted(reason=reason)
    histories, _ = distinct(customers, unit)
    model, problem = bg_nbd.fit(histories)
    if problem:
        return _Fitted(reason=NO_MAXIMUM, problem=f"orders: {problem}")
    found = rounded(bg_nbd.log_likelihood(model, histories))
    return _Fitted(model=model, log_likelihood=found)


def _fit_value(customers: Customers) -> _Fitted[GammaGamma]:
    is_paid = (customers.repeats > 0) & (customers.repeat_amount > 0)
    reason = _missing(is_paid)
    if reason:
        return _Fitted(reason=reason)
    repeats = customers.repeats[is_paid].astype(float)
    pairs, counts = np.unique(
        np.column_stack([repeats, customers.repeat_amount[is_paid] / repeats]),
        axis=0,
        return_counts=True,
    )
    averages = Averages(pairs[:, 0], pairs[:, 1], counts.astype(float))
    model, problem = gamma_gamma.fit(averages)
    if problem:
        return _Fitted(reason=NO_MAXIMUM, problem=f"value: {problem}")
    found = rounded(gamma_gamma.log_likelihood(model, averages))
    return _Fitted(model=model, log_likelihood=found)


def _expected_orders(
    model: BgNbd, customers: Customers, unit: str, days: Sequence[float]
) -> Array:
    """Per customer, one column for each number of days ahead."""
    histories, places = distinct(customers, unit)
    horizons = [each / UNITS[unit] for each in days]
    return bg_nbd.expected_orders(model, histories, horizons)[places]


def _expected_value(model: GammaGamma, customers: Customers) -> Array:
    return gamma_gamma.expected_value(
        model, customers.repeats.astype(float), customers.repeat_amount
    )


def _naive(past: Array, customers: Customers, days: int) -> Array:
    """What `days` bring when everybody goes on as in the past; see `Errors`."""
    return past * (days / np.maximum(customers.age_days, days))


def _errors(actual: Array, expected: Array, naive: Array) -> Errors:
    total = _sum(actual)
    return Errors(
        actual=total,
        expected=_sum(expected),
        naive=_sum(naive),
        total_error=_sum(expected) / total - 1 if total else None,
        naive_total_error=_sum(naive) / total - 1 if total else None,
        mae=_sum(np.abs(expected - actual)) / len(actual),
        naive_mae=_sum(np.abs(naive - actual)) / len(actual),
        rmse=math.sqrt(_sum((expected - actual) ** 2) / len(actual)),
        naive_rmse=math.sqrt(_sum((naive - actual) ** 2) / len(actual)),
    )


def _sum(values: Array) -> float:
    """Exactly, so that the order of customers changes nothing."""
    return math.fsum(values.tolist())
