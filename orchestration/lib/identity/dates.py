"""Birth dates in any spelling, as one key of eight digits.

The key is year, month and day; a part that is not known is zeros (`18620000`), and a
day that no calendar has (`18558119`) stays as it was written, because a slip of one
digit is still worth comparing.
"""

import re
from collections.abc import Iterable

_MONTHS = {
    prefix: number
    for number, prefixes in enumerate(
        (
            "jan янв jän gen ene", "feb фев fév", "mar мар mär mrz",
            "apr апр avr abr", "may мая май mai mag", "jun июн jui giu",
            "jul июл juil lug", "aug авг aoû ago", "sep сен set",
            "oct окт okt ott", "nov ноя", "dec дек dez déc dic",
        ),
        start=1,
    )
    for prefix in prefixes.split()
}  # fmt: skip
_YEAR_FIRST = re.compile(r"(\d{4})\D+(\d{1,2})(?:\D+(\d{1,2}))?(?!\d)")
_YEAR_LAST = re.compile(r"(\d{1,2})\D+(\d{1,2})\D+(\d{4}|\d{2})(?!\d)")
_MONTH_AND_YEAR = re.compile(r"(\d{1,2})\D+(\d{4})")
_WORD = re.compile(r"[^\W\d_]{3,}")
#: Two digits of a year from here on are of the last century.
_CENTURY_PIVOT = 20


def date_keys(texts: Iterable[str]) -> dict[str, str]:
    """The key of every text that states a date, or a part of one.

    All texts are of one column: whether its days or its months come first is decided
    by what the column as a whole allows, days first when it allows both.
    """
    distinct = sorted(set(texts))
    month_first = _is_month_first(distinct)
    digits_day_first = _is_day_first_without_separators(distinct)
    found = {text: _key(text, month_first, digits_day_first) for text in distinct}
    return {text: key for text, key in found.items() if key}


def _is_month_first(texts: list[str]) -> bool:
    first = second = 0
    for text in texts:
        match = _YEAR_LAST.match(text.strip())
        if match:
            first += int(match[1]) > 12
            second += int(match[2]) > 12
    return second > first


def _is_day_first_without_separators(texts: list[str]) -> bool:
    plain = [text.strip() for text in texts if re.fullmatch(r"\s*\d{8}\s*", text)]
    year_first = sum("1500" <= text[:4] <= "2100" for text in plain)
    year_last = sum("1500" <= text[4:] <= "2100" for text in plain)
    return year_last > year_first


def _key(text: str, month_first: bool, digits_day_first: bool) -> str | None:
    bare = text.strip().lower()
    if re.fullmatch(r"\d{8}", bare):
        return bare[4:] + bare[2:4] + bare[:2] if digits_day_first else bare
    if re.fullmatch(r"\d{4}([.]0)?", bare):
        return _joined(bare[:4], 0, 0)
    named = _named_month(bare)
    if named:
        return named
    if match := _YEAR_FIRST.match(bare):
        return _joined(match[1], match[2], match[3] or 0)
    if match := _YEAR_LAST.match(bare):
        day, month = (match[2], match[1]) if month_first else (match[1], match[2])
        return _joined(match[3], month, day)
    if match := _MONTH_AND_YEAR.fullmatch(bare):
        return _joined(match[2], match[1], 0)
    return None


def _named_month(text: str) -> str | None:
    """`12 March 1980`, `Mar 12, 1980`, `12-мар-80`, `March 1980`."""
    month = next(
        (
            _MONTHS[word[:length]]
            for word in _WORD.findall(text)
            for length in (4, 3)
            if word[:length] in _MONTHS
        ),
        None,
    )
    numbers = re.findall(r"\d+", text)
    if month is None or not 1 <= len(numbers) <= 2:
        return None
    years = [number for number in numbers if len(number) == 4]
    year = years[0] if years else numbers[-1]
    days = list(numbers)
    days.remove(year)
    return _joined(year, month, days[0] if days else 0)


def _joined(year: str, month: str | int, day: str | int) -> str | None:
    if len(year) == 2:
        year = ("19" if int(year) >= _CENTURY_PIVOT else "20") + year
    if year == "0000":
        return None
    return f"{year:0>4}{int(month):02d}{int(day):02d}"
