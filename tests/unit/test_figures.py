"""Periods as people write them."""

from datetime import date

import pytest

from orchestration.lib.report.figures import FigureUnknown, Period, read_period


@pytest.mark.parametrize(
    ("written", "grain", "start"),
    [
        ("2026", "year", date(2026, 1, 1)),
        ("2026-H1", "half_year", date(2026, 1, 1)),
        ("2026-h2", "half_year", date(2026, 7, 1)),
        ("2026-Q4", "quarter", date(2026, 10, 1)),
        ("2026-10", "month", date(2026, 10, 1)),
        ("2026-W01", "week", date(2025, 12, 29)),
        ("2026-W40", "week", date(2026, 9, 28)),
        ("2026-10-05", "day", date(2026, 10, 5)),
    ],
)
def test_a_period_is_read_as_people_write_it(
    written: str, grain: str, start: date
) -> None:
    assert read_period(written) == Period(grain, start)


@pytest.mark.parametrize(
    "written",
    ["", "26", "2026-13", "2026-H3", "2026-Q5", "2026-W54", "2026-02-30", "October"],
)
def test_what_is_no_period_is_refused_with_the_ways_to_write_one(written: str) -> None:
    with pytest.raises(FigureUnknown, match="write 2026, 2026-H2, 2026-Q4"):
        read_period(written)
