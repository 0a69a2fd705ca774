"""How often a customer will order again: the BG/NBD model.

While customers are active they order at random, each at a rate of their own (gamma
distributed: shape r, rate alpha); after every order but the first they may leave for
good, each with a probability of their own (beta distributed: a, b).

Fader, Hardie, Lee (2005): "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model. Marketing Science 24(2), 275-284; equations are numbered as there.
Times are in any one unit, that of 1/alpha.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh_tridiagonal
from scipy.special import digamma, expit, gammaln

from orchestration.lib.forecast.likelihood import (
    Array,
    LogLikelihood,
    maximise,
    rounded,
    sampled,
)

#: The share a / (a + b) of orders that are a customer's last, as odds a / b, and how
#: alike customers are in it, a + b. Data often cannot tell them apart: then a + b has
#: no maximum, and at its limit the model is the one in which all are alike. So with
#: odds of nothing: nobody leaves.
_LIMITS = {"a / b": (1e-4, 1e4), "a + b": (1e-3, 1e4)}
_NAMES = ("r", "alpha", *_LIMITS)
#: Cells that one step of a quadrature holds in memory.
_CELLS = 2_000_000
#: Nodes per unit of convergence, and their least and greatest number.
_NODES, _LEAST_NODES, _MOST_NODES = 17.0, 12, 400


@dataclass(frozen=True)
class Histories:
    """Customers with equal histories: one element per distinct (x, t_x, T)."""

    #: x: days with an order after the first.
    repeats: Array
    #: t_x: time from the first order to the last; 0 where x is 0.
    recency: Array
    #: T: time from the first order to the end of the observation.
    age: Array
    customers: Array


@dataclass(frozen=True)
class BgNbd:
    """The four parameters."""

    r: float
    alpha: float
    a: float
    b: float


class _Likelihood:
    """Equation 6, summed over histories; functions once per distinct argument."""

    def __init__(self, histories: Histories) -> None:
        self.customers = histories.customers
        self.total = float(histories.customers.sum())
        self.repeats, self._x = np.unique(histories.repeats, return_inverse=True)
        self.ages, self._age = np.unique(histories.age, return_inverse=True)
        self.recencies, self._recency = np.unique(
            histories.recency, return_inverse=True
        )
        self.weights = np.bincount(self._x, weights=histories.customers)
        self._row_repeats = histories.repeats

    def __call__(self, model: BgNbd) -> tuple[float, Array]:
        r, alpha, a, b = model.r, model.alpha, model.a, model.b
        x, n = self.repeats, self.weights
        log_ages = np.log(alpha + self.ages)
        log_recencies = np.log(alpha + self.recencies)
        log_age = log_ages[self._age]
        orders = self._row_repeats + r
        # Who left with the last order, against who is still active.
        left = np.full_like(x, -np.inf)
        left[x > 0] = np.log(a) - np.log(b + x[x > 0] - 1)
        odds = left[self._x] + orders * (log_age - log_recencies[self._recency])
        small = np.exp(-np.abs(odds))
        # Sums, not dot products: those differ by machine, and wake a thread per core.
        value = (
            n
            * (
                gammaln(r + x) - gammaln(r) + r * np.log(alpha)
                + gammaln(a + b) - gammaln(b) + gammaln(b + x) - gammaln(a + b + x)
            )
        ).sum() + (
            self.customers
            * (np.maximum(odds, 0) + np.log1p(small) - orders * log_age)
        ).sum()  # fmt: skip
        gone = self.customers * (np.where(odds > 0, 1.0, small) / (1 + small))
        there = self.customers - gone
        log_alpha = (np.bincount(self._age, there) * log_ages).sum() + (
            np.bincount(self._recency, gone) * log_recencies
        ).sum()
        inverse = (
            np.bincount(self._age, there * orders) / (alpha + self.ages)
        ).sum() + (
            np.bincount(self._recency, gone * orders) / (alpha + self.recencies)
        ).sum()
        gone_by_x = np.bincount(self._x, gone, minlength=len(x))
        shared = digamma(a + b) - digamma(a + b + x)
        later = x > 0
        gradient = np.array(
            [
                (n * (digamma(r + x) - digamma(r) + np.log(alpha))).sum() - log_alpha,
                self.total * r / alpha - inverse,
                (n * shared).sum() + gone_by_x.sum() / a,
                (n * (shared + digamma(b + x) - digamma(b))).sum()
                - (gone_by_x[later] / (b + x[later] - 1)).sum(),
            ]
        )
        return float(value), gradient


def log_likelihood(model: BgNbd, histories: Histories) -> float:
    """Equation 6 of all customers together."""
    return _Likelihood(histories)(model)[0]


def fit(histories: Histories) -> tuple[BgNbd, str | None]:
    """Parameters of greatest likelihood, and why they are none; None when they are.

    Raises:
        ValueError: nobody ordered again, so that there is nothing to learn from.
    """
    repeats = (histories.customers * histories.repeats).sum()
    if repeats <= 0:
        raise ValueError("nobody ordered again")
    pace = max(float((histories.customers * histories.age).sum() / repeats), 1e-6)
    some = sampled(len(histories.repeats))
    maximum = maximise(
        _mean_by_odds(histories),
        [
            (r, r * pace, odds, alike)
            for r, odds, alike in (
                (0.25, 0.25, 2.5), (1.0, 0.1, 5.0), (0.5, 0.5, 4.0), (2.0, 0.05, 100.0),
            )
        ],
        names=_NAMES,
        sample=_mean_by_odds(
            Histories(*(values[some] for values in vars(histories).values()))
        ),
        limits=_LIMITS,
    )  # fmt: skip
    model = _from_odds(maximum.parameters)
    return BgNbd(*map(rounded, astuple(model))), maximum.problem


def _mean_by_odds(histories: Histories) -> LogLikelihood:
    """Log-likelihood per customer by r, alpha, a / b and a + b."""
    likelihood = _Likelihood(histories)

    def mean(parameters: Array) -> tuple[float, Array]:
        _, _, odds, alike = parameters
        value, (by_r, by_alpha, by_a, by_b) = likelihood(_from_odds(parameters))
        gradient = np.array(
            [
                by_r,
                by_alpha,
                (by_a - by_b) * alike / (1 + odds) ** 2,
                (by_a * odds + by_b) / (1 + odds),
            ]
        )
        return value / likelihood.total, gradient / likelihood.total

    return mean


def _from_odds(parameters: Sequence[float] | Array) -> BgNbd:
    r, alpha, odds, alike = map(float, parameters)
    return BgNbd(r, alpha, alike * odds / (1 + odds), alike / (1 + odds))


def alive_probability(model: BgNbd, histories: Histories) -> Array:
    """The probability that a customer has not left.

    Fader, Hardie, Lee (2008): Computing P(alive) Using the BG/NBD Model. Who ordered
    once has had no occasion to leave: 1.
    """
    x = histories.repeats
    later = np.maximum(x - 1, 0)
    odds = np.log(model.a / (model.b + later)) + (model.r + x) * np.log1p(
        (histories.age - histories.recency) / (model.alpha + histories.recency)
    )
    return np.where(x > 0, expit(-odds), 1.0)


def expected_orders(
    model: BgNbd, histories: Histories, horizons: Sequence[float]
) -> Array:
    """Orders in the time after the observation, given the history: equation 10.

    Its Gauss hypergeometric function is taken as Euler's integral over the probability
    p of leaving, which has none of the poles that the printed form has at a = 1 and at
    a + b + x = 1, and in which nothing cancels:

        P(alive) E[(1 - (1 + p t / (alpha + T))^-(r + x)) / p],  p ~ Beta(a, b + x)

    by Gauss-Jacobi quadrature, with as many nodes as t / (alpha + T) asks for.

    Returns:
        One row per history, one column per horizon.
    """
    alive = alive_probability(model, histories)
    found = np.zeros((len(alive), len(horizons)))
    by_repeats = np.argsort(histories.repeats, kind="stable")
    _, firsts = np.unique(histories.repeats[by_repeats], return_index=True)
    for rows in np.split(by_repeats, firsts[1:]):
        x = float(histories.repeats[rows[0]])
        times = np.asarray(horizons) / (model.alpha + histories.age[rows, None])
        found[rows] = _mean_orders(times, model.r + x, model.a, model.b + x)
    return np.asarray(alive[:, None] * found)


def _mean_orders(times: Array, shape: float, a: float, b: float) -> Array:
    """E[(1 - (1 + p k)^-shape) / p] for p ~ Beta(a, b) and every k of `times`."""
    flat = times.ravel()
    if not flat.size:
        return times
    # The integrand's singularity, p = -1/k, as the nodes see it from [-1, 1].
    away = 1 + 2 / max(float(flat.max()), 1e-12)
    convergence = np.log(away + np.sqrt(away * away - 1))
    count = int(np.clip(np.ceil(_NODES / convergence), _LEAST_NODES, _MOST_NODES))
    nodes, weights = _beta_quadrature(a, b, count)
    found = np.empty_like(flat)
    size = max(1, _CELLS // count)
    for start in range(0, len(flat), size):
        part = flat[start : start + size, None]
        found[start : start + size] = np.einsum(
            "ij,j->i", -np.expm1(-shape * np.log1p(part * nodes)), weights / nodes
        )
    return found.reshape(times.shape)


def _beta_quadrature(
    a: float, b: float, count: int
) -> tuple[Array, npt.NDArray[np.float64]]:
    """Nodes in (0, 1) and weights of the mean over Beta(a, b); Golub, Welsch (1969).

    The eigenvalues of the recurrence of Jacobi polynomials. Unlike tables of weights
    they neither overflow nor vanish where b is in the thousands.
    """
    n = np.arange(1, count)
    total = a + b
    # On [-1, 1] the weight is (1 - u)^(b - 1) (1 + u)^(a - 1).
    diagonal = np.empty(count)
    diagonal[0] = (a - b) / total
    diagonal[1:] = ((a - 1) ** 2 - (b - 1) ** 2) / (
        (2 * n + total - 2) * (2 * n + total)
    )
    off = np.empty(count - 1)
    off[0] = 4 * a * b / (total**2 * (total + 1))
    later = n[1:]
    scale = 2 * later + total - 2
    off[1:] = (
        4 * later * (later + a - 1) * (later + b - 1) * (later + total - 2)
        / (scale**2 * (scale + 1) * (scale - 1))
    )  # fmt: skip
    values, vectors = eigh_tridiagonal(diagonal, np.sqrt(off))
    # Where nearly nobody leaves, the first nodes round to zero.
    return np.maximum((values + 1) / 2, 1e-300), vectors[0] ** 2
