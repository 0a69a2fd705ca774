"""Experiments as declared: the five questions, and errors that name the line."""

from datetime import date
from pathlib import Path

import pytest

from orchestration.lib.experiments.declaration import (
    Experiment,
    ExperimentError,
    Known,
    allocation,
    parse_allocation,
    read_experiment,
    read_experiments,
)

KNOWN = Known(
    segments=["lapsed", "active"],
    channels=["email", "sms"],
    audiences=["winback"],
    metrics=["buyers", "orders", "net_revenue"],
)
DECLARED = """\
who:
  segment: lapsed
  channel: email
  audience: winback
when:
  start: 2026-10-01
  end: 2026-12-31
  min_days: 30
what:
  hypothesis: A discount brings lapsed customers back.
  stratify_by: country
  arms:
    - {name: control, share: 0.1, control: true}
    - {name: discount, share: 0.9}
how_much:
  budget: 50000
  planned_sample: 2000
expected:
  metric: buyers
  lift_abs: 0.02
  other_metrics: [net_revenue]
"""


def read(folder: Path, text: str) -> Experiment:
    path = folder / "winback_holdout.yaml"
    path.write_text(text, encoding="utf-8")
    return read_experiment(path, KNOWN)


def test_a_declaration_answers_five_questions(tmp_path: Path) -> None:
    found = read(tmp_path, DECLARED)

    assert (found.name, found.salt) == ("winback_holdout", "winback_holdout")
    assert (found.segment, found.channel, found.audience) == (
        "lapsed", "email", "winback",
    )  # fmt: skip
    assert (found.starts_on, found.ends_on) == (date(2026, 10, 1), date(2026, 12, 31))
    assert found.control == "control"
    assert found.shares == {"control": 0.1, "discount": 0.9}
    assert (found.budget, found.planned_sample, found.min_days) == (50000, 2000, 30)
    assert found.metrics == ("buyers", "net_revenue")
    assert (found.expected_lift_abs, found.expected_lift_rel) == (0.02, None)


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("segment: lapsed", "segment: laped", "line 2: who.segment: 'laped' is unknown;"
         " there are active, lapsed; did you mean lapsed?"),
        ("channel: email", "chanel: email", "line 3: who.chanel: unknown key; known are"
         " segment, channel, audience; did you mean channel?"),
        ("  segment: lapsed\n", "", "line 2: who.segment: is missing"),
        ("2026-12-31", "2026-10-01", "line 7: when.end: 2026-10-01 is not after the"),
        ("2026-12-31", "31.12.2026", "line 7: when.end: '31.12.2026' is no date"),
        ("min_days: 30", "min_days: 300", "line 8: when.min_days: 300 days are more"),
        ("min_days: 30", "min_days: soon", "line 8: when.min_days: must be a whole"),
        ("share: 0.9", "share: 0.8", "line 12: what.arms: their shares add up to 0.9"),
        ("share: 0.9", "share: 90%", "line 14: what.arms[1].share: must be a number"),
        ("share: 0.9", "share: 1.9", "line 14: what.arms[1].share: is 1.9; it must be"
         " above 0 and below 1"),
        (", control: true", "", "line 12: what.arms: there must be at least two, and"
         " `control: true` at exactly one; it is at none"),
        ("name: discount", "name: control", "line 14: what.arms[1].name: the arm"
         " control is there twice"),
        ("name: discount", "name: 10 % off", "what.arms[1].name: an arm's name is"),
        ("country", "shoe size", "line 11: what.stratify_by: 'shoe size' is unknown"),
        ("  planned_sample: 2000\n", "", "line 16: how_much.planned_sample: say how"
         " many customers are needed"),
        ("budget: 50000", "budget: -1", "line 16: how_much.budget: is -1; it must be at"
         " least 0"),
        ("  lift_abs: 0.02\n", "", "line 19: expected.lift_abs: say what is expected"),
        ("metric: buyers", "metric: joy", "line 19: expected.metric: 'joy' is unknown"),
        ("budget: 50000", "budget: 50000\n  budget: 1", "line 17: how_much.budget is"
         " there twice"),
        ("who:", "whom:", "line 1: who: this table is missing; it says which"),
        ("[net_revenue]", "[net_revenue", "no YAML"),
    ],
)  # fmt: skip
def test_an_error_names_the_file_the_line_and_the_remedy(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    assert before in DECLARED

    with pytest.raises(ExperimentError) as told:
        read(tmp_path, DECLARED.replace(before, after))

    assert str(tmp_path / "winback_holdout.yaml") in str(told.value)
    assert says in str(told.value)


@pytest.mark.parametrize("text", ["", "- who", "just text"])
def test_a_file_that_is_no_table_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExperimentError, match="line 1: an experiment is a table"):
        read(tmp_path, text)


def test_all_files_of_the_folder_are_read_in_order_and_none_where_there_is_none(
    tmp_path: Path,
) -> None:
    for name in ("two.yml", "one.yaml", "notes.txt"):
        (tmp_path / name).write_text(DECLARED)

    assert [each.name for each in read_experiments(tmp_path, KNOWN)] == ["one", "two"]
    assert read_experiments(tmp_path / "nowhere", KNOWN) == []


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    for name in ("one.yml", "one.yaml"):
        (tmp_path / name).write_text(DECLARED)

    with pytest.raises(ExperimentError, match=r"one\.yml: there is one\.yaml"):
        read_experiments(tmp_path, KNOWN)


def test_a_file_name_that_is_no_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Зима.yaml"
    path.write_text(DECLARED)

    with pytest.raises(ExperimentError, match="named with a-z, 0-9 and _"):
        read_experiment(path, KNOWN)


def test_shares_are_kept_as_text_without_loss() -> None:
    shares = {"control": 1 / 3, "email": 2 / 3}

    assert parse_allocation(allocation(shares)) == shares
