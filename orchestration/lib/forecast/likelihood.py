"""Maximum likelihood of a few positive parameters, with a verdict on the maximum."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Array = npt.NDArray[np.float64]
#: Log-likelihood and its derivatives by the parameters.
LogLikelihood = Callable[[Array], tuple[float, Array]]
#: The same with the sign turned, by the logarithms of the parameters.
_Loss = Callable[[Array], tuple[float, Array]]

#: How far a parameter may go from the starts, as a natural logarithm.
_FARTHEST = 9.0
_STEEPEST, _FLATTEST = 1e-8, 1e-9
#: Losses that differ by less are equal.
_EQUAL = 1e-9
_NEWTON_STEPS = 12
_STEP = 1e-4
#: What two machines agree on.
_DIGITS = 8
#: Distinct histories that are enough to choose among starts.
_SAMPLED = 4000


@dataclass(frozen=True)
class Maximum:
    """Where the likelihood is greatest, if anywhere."""

    parameters: tuple[float, ...]
    #: Why this is no maximum; None when it is one.
    problem: str | None


@dataclass(frozen=True)
class _End:
    """Where a search ended."""

    logs: Array
    loss: float
    problem: str | None


def rounded(value: float) -> float:
    """To eight digits, so that two machines say the same."""
    return float(f"{value:.{_DIGITS}g}")


def sampled(distinct: int) -> slice:
    """Every so many of sorted histories, a few thousand in all."""
    return slice(None, None, -(-distinct // _SAMPLED))


def maximise(
    log_likelihood: LogLikelihood,
    starts: Sequence[Sequence[float]],
    *,
    names: Sequence[str],
    sample: LogLikelihood,
    limits: Mapping[str, tuple[float, float]] | None = None,
) -> Maximum:
    """The best of the maxima that are found from the starts.

    Parameters are sought by their logarithms: by a truncated Newton method within
    bounds (TNC) from each start, on a sample; by the same from the best of these ends,
    on all customers; then by Newton's method, whose Hessian is differenced from the
    derivatives. It is a maximum when the derivatives vanish, the likelihood falls in
    every direction, and no parameter ran away (e^9 times a start).

    Args:
        log_likelihood: the mean over customers.
        names: of the parameters, for the problem.
        sample: the mean over some of them, to choose among the starts.
        limits: least and greatest of parameters that may lie at one of them; a maximum
            there is one of the others alone.
    """
    loss, rough = _loss(log_likelihood), _loss(sample)
    begun = [np.log(np.asarray(start, dtype=float)) for start in starts]
    middle = np.mean(begun, axis=0)
    lows, highs = middle - _FARTHEST, middle + _FARTHEST
    may_end = np.zeros(len(names), dtype=bool)
    for name, limit in (limits or {}).items():
        place = names.index(name)
        lows[place], highs[place] = np.log(limit)
        may_end[place] = True
    best = min(
        (_descend(rough, start, lows, highs) for start in begun),
        key=lambda logs: rough(logs)[0],
    )
    best = _descend(loss, best, lows, highs)
    end = _settle(loss, best, lows, highs, may_end, names)
    if end.problem:
        at_limits = [
            found
            for fixed in _fixed(lows, highs, may_end)
            for found in [
                _settle(loss, _descend(loss, end.logs, *fixed), *fixed, may_end, names)
            ]
            if found.problem is None and found.loss <= end.loss + _EQUAL
        ]
        end = min([*at_limits, end], key=lambda each: (bool(each.problem), each.loss))
    return Maximum(tuple(float(each) for each in np.exp(end.logs)), end.problem)


def _loss(log_likelihood: LogLikelihood) -> _Loss:
    def loss(logs: Array) -> tuple[float, Array]:
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters)
        return -value, -gradient * parameters

    return loss


def _fixed(
    lows: Array, highs: Array, may_end: npt.NDArray[np.bool_]
) -> Iterator[tuple[Array, Array]]:
    """Bounds that hold one parameter at one of its limits."""
    for place in np.flatnonzero(may_end):
        for limit in (lows[place], highs[place]):
            fixed = lows.copy(), highs.copy()
            fixed[0][place] = fixed[1][place] = limit
            yield fixed


def _descend(loss: _Loss, start: Array, lows: Array, highs: Array) -> Array:
    result = minimize(
        loss,
        np.clip(start, lows, highs),
        jac=True,
        method="TNC",
        bounds=list(zip(lows, highs, strict=True)),
        options={"maxfun": 500, "ftol": 1e-10, "xtol": 1e-6, "gtol": 1e-6},
    )
    return np.asarray(result.x, dtype=float)


def _settle(
    loss: _Loss,
    logs: Array,
    lows: Array,
    highs: Array,
    may_end: npt.NDArray[np.bool_],
    names: Sequence[str],
) -> _End:
    """Newton's steps of the parameters off their bounds, while they lead downwards."""
    at_bound = (logs <= lows) | (logs >= highs)
    value, gradient = loss(logs)
    gone = [
        name
        for name, is_gone in zip(names, at_bound & ~may_end, strict=True)
        if is_gone
    ]
    if gone:
        return _End(logs, value, f"{' and '.join(gone)} ran away")
    is_free = ~at_bound
    hessian = _hessian(loss, logs, is_free)
    for _ in range(_NEWTON_STEPS):
        if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian)[0] <= 0:
            break
        reached = logs.copy()
        reached[is_free] -= np.linalg.solve(hessian, gradient[is_free])
        if ((reached < lows) | (reached > highs)).any():
            break
        lower, steepness = loss(reached)
        # Near the end losses differ by rounding: the smaller gradient decides.
        if not (
            lower <= value + _EQUAL
            and np.abs(steepness[is_free]).max() < np.abs(gradient[is_free]).max()
        ):
            break
        logs, value, gradient = reached, lower, steepness
        hessian = _hessian(loss, logs, is_free)
    return _End(logs, value, _problem(gradient[is_free], hessian))


def _hessian(loss: _Loss, logs: Array, is_free: npt.NDArray[np.bool_]) -> Array:
    rows = [
        (loss(logs + step)[1] - loss(logs - step)[1])[is_free] / (2 * _STEP)
        for step in _STEP * np.eye(len(logs))[is_free]
    ]
    return (np.array(rows) + np.array(rows).T) / 2


def _problem(gradient: Array, hessian: Array) -> str | None:
    if not np.isfinite(hessian).all() or np.abs(gradient).max() > _STEEPEST:
        return "the likelihood still rises where the search ended"
    if np.linalg.eigvalsh(hessian)[0] < _FLATTEST:
        return "the likelihood is flat where the search ended"
    return None
