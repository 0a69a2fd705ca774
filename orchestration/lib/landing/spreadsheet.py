"""What a number in a spreadsheet means: its format tells a date from an amount."""

import re
from datetime import date, timedelta
from typing import Literal

from orchestration.lib.landing.records import number_text

Moment = Literal["date", "time", "datetime", "duration"]

#: Number formats that are known by their number; the file does not spell them out.
_BUILT_IN: dict[int, Moment] = {
    **dict.fromkeys(range(14, 18), "date"),
    **dict.fromkeys(range(18, 22), "time"),
    22: "datetime",
    **dict.fromkeys(range(27, 32), "date"),
    **dict.fromkeys(range(32, 34), "time"),
    **dict.fromkeys(range(34, 37), "date"),
    45: "time",
    46: "duration",
    47: "time",
    **dict.fromkeys(range(50, 59), "date"),
}
_NOT_A_PLACEHOLDER = re.compile(r'"[^"]*"|\\.|_.|\*.|am/pm|a/p|general')
_ELAPSED = re.compile(r"\[(h+|m+|s+)\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_DAY_MS = 86_400_000
#: Day zero of both calendars of spreadsheets; the older one has a 29 February 1900.
_DAY_ZERO, _DAY_ZERO_1904 = date(1899, 12, 30), date(1904, 1, 1)
_DAY_AFTER_29_FEBRUARY = 61


def moment_of(format_id: int, codes: dict[int, str]) -> Moment | None:
    """What numbers of this format are, unless they are just numbers.

    Args:
        codes: the file's own formats by number, such as `dd.mm.yyyy`.
    """
    if format_id not in codes:
        return _BUILT_IN.get(format_id)
    code = _NOT_A_PLACEHOLDER.sub("", codes[format_id].lower()).split(";")[0]
    if _ELAPSED.search(code):
        return "duration"
    letters = set(_BRACKETS.sub("", code))
    has_clock = bool(letters & set("hs"))
    has_day = bool(letters & set("yd")) or ("m" in letters and not has_clock)
    if has_day:
        return "datetime" if has_clock else "date"
    return "time" if has_clock else None


def number_or_moment(
    number: str, moment: Moment | None, *, starts_in_1904: bool
) -> str:
    """The cell's text: `12.5`, `2024-03-14`, `2024-03-14 09:14:00`, `09:14:00`.

    A date with a hidden clock shows it. What is no possible date stays a number.
    """
    if moment is None:
        return number_text(number)
    days, milliseconds = divmod(round(float(number) * _DAY_MS), _DAY_MS)
    hours, rest = divmod(milliseconds, 3_600_000)
    if moment == "duration" and days >= 0:
        return _clock(days * 24 + hours, rest)
    if moment == "time" and days == 0:
        return _clock(hours, rest)
    try:
        day = _day(days, starts_in_1904).isoformat()
    except OverflowError:
        return number_text(number)
    if moment == "date" and not milliseconds:
        return day
    return f"{day} {_clock(hours, rest)}"


def _day(days: int, starts_in_1904: bool) -> date:
    if days < 0:
        raise OverflowError
    if starts_in_1904:
        return _DAY_ZERO_1904 + timedelta(days)
    return _DAY_ZERO + timedelta(days + (days < _DAY_AFTER_29_FEBRUARY))


def _clock(hours: int, milliseconds: int) -> str:
    minutes, rest = divmod(milliseconds, 60_000)
    seconds, fraction = divmod(rest, 1_000)
    clock = f"{hours:02}:{minutes:02}:{seconds:02}"
    return f"{clock}.{fraction:03}".rstrip("0") if fraction else clock
