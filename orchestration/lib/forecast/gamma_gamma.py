"""How much a customer's order is worth: the Gamma-Gamma model.

Orders of one customer vary around a mean of their own, means vary among customers, and
neither has to do with how often they order. Parameters p, q (shapes) and v (an amount).

Fader, Hardie (2013): The Gamma-Gamma Model of Monetary Value,
http://brucehardie.com/notes/025/; as published it reads the orders after the first.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from orchestration.lib.forecast.likelihood import (
    Array,
    LogLikelihood,
    maximise,
    rounded,
    sampled,
)


@dataclass(frozen=True)
class Averages:
    """What customers paid: one element per distinct (x, mean)."""

    #: x: days with an order after the first, at least one.
    repeats: Array
    #: Mean amount of them, above zero.
    mean: Array
    customers: Array


@dataclass(frozen=True)
class GammaGamma:
    """The three parameters."""

    p: float
    q: float
    v: float


class _Likelihood:
    """Equation 1a, summed over customers."""

    def __init__(self, averages: Averages) -> None:
        self.repeats, self._x = np.unique(averages.repeats, return_inverse=True)
        self.customers = averages.customers
        self.weights = np.bincount(self._x, weights=averages.customers)
        self.total = float(self.weights.sum())
        self._sums = averages.repeats * averages.mean
        logs = averages.customers * np.log(averages.mean)
        self._mean_log, self._sum_log = logs.sum(), (averages.repeats * logs).sum()

    def __call__(self, model: GammaGamma) -> tuple[float, Array]:
        p, q, v = model.p, model.q, model.v
        x, n = self.repeats, self.weights
        log_total = np.log(v + self._sums)
        by_x = np.bincount(self._x, self.customers * log_total, minlength=len(x))
        # Sums, not dot products: those differ by machine, and wake a thread per core.
        value = (
            n
            * (
                gammaln(p * x + q) - gammaln(p * x) - gammaln(q)
                + q * np.log(v) + p * x * np.log(x)
            )
            - (p * x + q) * by_x
        ).sum() + p * self._sum_log - self._mean_log  # fmt: skip
        joint = digamma(p * x + q)
        inverse = np.bincount(self._x, self.customers / (v + self._sums))
        gradient = np.array(
            [
                (x * (n * (joint - digamma(p * x) + np.log(x)) - by_x)).sum()
                + self._sum_log,
                (n * (joint - digamma(q) + np.log(v)) - by_x).sum(),
                self.total * q / v - ((p * x + q) * inverse).sum(),
            ]
        )
        return float(value), gradient


def log_likelihood(model: GammaGamma, averages: Averages) -> float:
    """Equation 1a of all customers together."""
    return _Likelihood(averages)(model)[0]


def fit(averages: Averages) -> tuple[GammaGamma, str | None]:
    """Parameters of greatest likelihood, and why they are none; None when they are.

    Raises:
        ValueError: nobody paid anything for another order.
    """
    if not len(averages.mean):
        raise ValueError("nobody paid anything for another order")
    typical = float(np.average(averages.mean, weights=averages.customers))
    some = sampled(len(averages.mean))
    maximum = maximise(
        _mean(averages),
        [
            # The mean among customers is p v / (q - 1).
            (p, q, typical * (q - 1) / p)
            for p, q in ((6.0, 4.0), (2.0, 3.0), (1.0, 6.0), (20.0, 2.0))
        ],
        names=("p", "q", "v"),
        sample=_mean(Averages(*(values[some] for values in vars(averages).values()))),
    )
    model = GammaGamma(*map(rounded, maximum.parameters))
    if maximum.problem is None and model.q <= 1:
        return model, "q is not above 1: amounts vary too much to have a mean"
    return model, maximum.problem


def _mean(averages: Averages) -> LogLikelihood:
    likelihood = _Likelihood(averages)

    def mean(parameters: Array) -> tuple[float, Array]:
        value, gradient = likelihood(GammaGamma(*map(float, parameters)))
        return value / likelihood.total, gradient / likelihood.total

    return mean


def expected_value(model: GammaGamma, repeats: Array, repeat_amount: Array) -> Array:
    """What an order of a customer is worth on average, given what they paid.

    Equation 5: the mean of all customers and the customer's own, weighed by how many
    orders are known. The mean of all customers where none is.

    Args:
        repeats: x.
        repeat_amount: what the x orders cost together; below zero counts as nothing.
    """
    return (
        model.p
        * (model.v + np.maximum(repeat_amount, 0))
        / (model.p * repeats + model.q - 1)
    )
