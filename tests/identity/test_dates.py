"""Birth dates in any spelling."""

import pytest

from orchestration.lib.identity.dates import date_keys


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("1980-03-12", "19800312"),
        ("1980-03-12 00:00:00", "19800312"),
        ("1980/3/12", "19800312"),
        ("19800312", "19800312"),
        ("12.03.1980", "19800312"),
        ("12.3.80", "19800312"),
        ("12 March 1980", "19800312"),
        ("Mar 12, 1980", "19800312"),
        ("12 марта 1980 г.", "19800312"),
        ("12-мар-80", "19800312"),
        ("March 1980", "19800300"),
        ("1980-03", "19800300"),
        ("03/1980", "19800300"),
        ("1980", "19800000"),
        ("1980.0", "19800000"),
        ("1855-81-19", "18558119"),
    ],
)
def test_a_date_in_any_spelling_has_one_key(text: str, key: str) -> None:
    assert date_keys([text]) == {text: key}


@pytest.mark.parametrize("text", ["", "unknown", "12", "0000-00-00", "may be"])
def test_what_is_no_date_has_no_key(text: str) -> None:
    assert date_keys([text]) == {}


def test_a_column_with_months_first_is_read_so() -> None:
    assert date_keys(["03/04/1980", "03/25/1980"]) == {
        "03/04/1980": "19800304",
        "03/25/1980": "19800325",
    }


def test_a_column_with_days_first_is_read_so() -> None:
    assert date_keys(["03/04/1980", "25/03/1980"])["03/04/1980"] == "19800403"


def test_eight_digits_may_end_in_the_year() -> None:
    assert date_keys(["12031980", "25121999"])["12031980"] == "19800312"
