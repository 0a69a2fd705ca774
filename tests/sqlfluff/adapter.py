"""Stands in for dbt's adapter when sqlfluff renders the models."""

from collections.abc import Callable


def dispatch(name: str) -> Callable[..., str]:
    """SQL of the right shape for a dispatched macro; its content is not linted."""
    if name in ("day_series", "month_series"):
        return lambda first, last, column: f"select {first} as {column}"
    return lambda *arguments: f"fn({arguments[0]})"
