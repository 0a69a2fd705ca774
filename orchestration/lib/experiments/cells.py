"""Sufficient statistics: all that an analysis needs to know of a group of customers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Self

#: Below this, a group has no variance.
LEAST = 2


@dataclass(frozen=True)
class Cell:
    """Customers of one arm and stratum: their metric and its value before the start.

    Sums of squares are centred, so that large means do not swallow small spreads.
    """

    count: int
    mean: float
    squares: float
    prior_mean: float = 0.0
    prior_squares: float = 0.0
    products: float = 0.0

    @property
    def variance(self) -> float:
        """Of the metric, with n - 1."""
        return self.squares / (self.count - 1)

    def adjusted(self, slope: float, prior_mean: float) -> Self:
        """The cell of `value - slope * (prior value - prior_mean)`."""
        return type(self)(
            count=self.count,
            mean=self.mean - slope * (self.prior_mean - prior_mean),
            squares=max(
                0.0,
                self.squares
                - 2 * slope * self.products
                + slope * slope * self.prior_squares,
            ),
        )

    def __add__(self, other: "Cell") -> "Cell":
        """The cell of both groups together."""
        count = self.count + other.count
        if not count:
            return self
        apart = other.mean - self.mean
        prior_apart = other.prior_mean - self.prior_mean
        weight = self.count * other.count / count
        return Cell(
            count=count,
            mean=self.mean + apart * other.count / count,
            squares=self.squares + other.squares + apart * apart * weight,
            prior_mean=self.prior_mean + prior_apart * other.count / count,
            prior_squares=(
                self.prior_squares + other.prior_squares + prior_apart**2 * weight
            ),
            products=self.products + other.products + apart * prior_apart * weight,
        )


EMPTY = Cell(0, 0.0, 0.0)
#: Cells by stratum and, within it, by arm.
Strata = Mapping[str, Mapping[str, Cell]]


def together(cells: Iterable[Cell]) -> Cell:
    """One cell of all."""
    return reduce(Cell.__add__, cells, EMPTY)


def with_every_arm(strata: Strata, arms: Sequence[str]) -> list[dict[str, Cell]]:
    """The strata in which all arms can be compared, smaller ones put together.

    What is left over when too few remain for a stratum of their own joins the largest.
    """

    def size(stratum: Mapping[str, Cell]) -> int:
        return sum(cell.count for cell in stratum.values())

    def merged(one: Mapping[str, Cell], other: Mapping[str, Cell]) -> dict[str, Cell]:
        return {arm: one.get(arm, EMPTY) + other.get(arm, EMPTY) for arm in arms}

    def is_whole(stratum: Mapping[str, Cell]) -> bool:
        return all(stratum.get(arm, EMPTY).count >= LEAST for arm in arms)

    in_order = [dict(strata[name]) for name in sorted(strata)]
    whole = [stratum for stratum in in_order if is_whole(stratum)]
    rest: dict[str, Cell] = {}
    for stratum in in_order:
        if not is_whole(stratum):
            rest = merged(rest, stratum)
    if not rest:
        return whole
    if is_whole(rest) or not whole:
        return [*whole, rest]
    largest = max(range(len(whole)), key=lambda number: size(whole[number]))
    whole[largest] = merged(whole[largest], rest)
    return whole
