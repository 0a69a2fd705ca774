"""Periods, exact quotients and cumulative rounding, as docs/metrics.md has them."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pandas as pd

from tests.truth.facts import MICRO

GRAINS = ["day", "week", "month", "quarter", "half_year", "year"]

DAY = pd.Timedelta(days=1)


def start_of(days: pd.Series, grain: str) -> pd.Series:
    """The first day of the period of each day."""
    match grain:
        case "day":
            return days
        case "week":
            return days - pd.to_timedelta(days.dt.dayofweek, unit="D")
        case "month":
            months = days.dt.month
        case "quarter":
            months = (days.dt.month - 1) // 3 * 3 + 1
        case "half_year":
            months = (days.dt.month - 1) // 6 * 6 + 1
        case _:
            months = days.dt.month * 0 + 1
    return pd.to_datetime(
        {"year": days.dt.year, "month": months, "day": months * 0 + 1}
    )


def periods(first: pd.Timestamp, last: pd.Timestamp, grain: str) -> pd.DataFrame:
    """Every period from that of the first day to that of the last: start and end."""
    days = pd.Series(pd.date_range(first, last))
    starts = start_of(days, grain).drop_duplicates().reset_index(drop=True)
    offsets = {
        "day": pd.DateOffset(days=1),
        "week": pd.DateOffset(days=7),
        "month": pd.DateOffset(months=1),
        "quarter": pd.DateOffset(months=3),
        "half_year": pd.DateOffset(months=6),
        "year": pd.DateOffset(years=1),
    }
    return pd.DataFrame({"start": starts, "end": starts + offsets[grain] - DAY})


def rounded(value: Fraction | None, places: int) -> Decimal | None:
    """The value rounded half away from zero."""
    if value is None:
        return None
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-places)


def money(micro: Any, by: Any = 1) -> Decimal | None:
    """Millionths of a rouble by a number, to the kopeck; null by zero or of nothing."""
    quotient = ratio(micro, by)
    return rounded(None if quotient is None else quotient / MICRO, 2)


def rate(numerator: Any, denominator: Any) -> Decimal | None:
    """A quotient to six places; null by zero or of nothing."""
    return rounded(ratio(numerator, denominator), 6)


def ratio(numerator: Any, denominator: Any) -> Fraction | None:
    """A quotient; null by zero or of nothing."""
    if pd.isna(numerator) or pd.isna(denominator) or not denominator:
        return None
    return _exact(numerator) / _exact(denominator)


def _exact(number: Any) -> Fraction:
    return number if isinstance(number, Fraction) else Fraction(int(number))


def less(amount: Any, cost: Any) -> Any:
    """The difference; null where either is."""
    return None if pd.isna(amount) or pd.isna(cost) else amount - cost
