"""`crm360 experiment` on plain files, and what it says of files that will not do."""

import json
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def experiment(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["experiment", *map(str, arguments)])


def analyse(folder: Path, *options: Any) -> Result:
    return experiment(
        "analyse", "--assignments", folder / "arms.csv",
        "--metric-file", folder / "metric.csv", *options,
    )  # fmt: skip


def report(folder: Path, *options: Any) -> Any:
    found = analyse(folder, *options, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def problem(folder: Path, *options: Any) -> str:
    found = analyse(folder, *options)
    assert found.exit_code == 2, found.output
    return found.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """TV-1 and TV-2: 200 of 5,000 bought, and 450 of 5,000. Only buyers are in it."""
    write(
        tmp_path / "arms.csv",
        "customer,arm",
        *(f"a{number},control" for number in range(5000)),
        *(f"b{number},email" for number in range(5000)),
    )
    write(
        tmp_path / "metric.csv",
        "customer,value",
        *(f"a{number},1" for number in range(200)),
        *(f"b{number},1" for number in range(450)),
    )
    return tmp_path


@pytest.fixture
def small(tmp_path: Path) -> Path:
    write(
        tmp_path / "arms.csv",
        "customer,arm",
        *(f"c{number},{'control' if number % 2 else 'email'}" for number in range(20)),
    )
    write(
        tmp_path / "metric.csv",
        "customer,value",
        *(f"c{number},{number}" for number in range(20)),
    )
    return tmp_path


def test_two_files_give_lift_interval_p_value_and_decision(folder: Path) -> None:
    found = report(folder)
    (result,) = found["results"]

    assert (found["control"], found["kind"]) == ("control", "proportion")
    assert found["without_metric"] == 9350
    assert result["lift_abs"] == pytest.approx(0.05)
    assert result["lift_rel"] == pytest.approx(1.25)
    assert result["statistic"] == pytest.approx(10.14, abs=0.005)
    assert result["ci_low"] == pytest.approx(0.04039, abs=1e-5)
    assert result["srm_p_value"] == 1
    assert result["decision"] == "treatment_higher"


def test_a_person_reads_the_same(folder: Path) -> None:
    text = analyse(folder, "--expected-lift", "0.04").stdout

    assert "email: treatment_higher" in text
    assert "lift 0.05 (+125.0%), interval 0.04039 to 0.05961, expected 0.04" in text
    assert "only if this is the first and last look" in text


def test_parquet_is_read_as_csv_is(folder: Path) -> None:
    for name in ("arms", "metric"):
        duckdb.sql(f"copy (from '{folder}/{name}.csv') to '{folder}/{name}.parquet'")

    found = experiment(
        "analyse", "--assignments", folder / "arms.parquet",
        "--metric-file", folder / "metric.parquet", "--json",
    )  # fmt: skip

    assert json.loads(found.stdout) == report(folder)


def test_the_order_of_rows_does_not_matter(folder: Path) -> None:
    chance = random.Random(1)
    write(
        folder / "metric.csv",
        "customer,value,prior_value",
        *(
            f"{'ab'[n % 2]}{n % 4000},{1e9 + chance.random()},{chance.random()}"
            for n in range(9000)
        ),
    )
    before = report(folder)
    for name in ("arms", "metric"):
        header, *lines = (folder / f"{name}.csv").read_text().splitlines()
        chance.shuffle(lines)
        write(folder / f"{name}.csv", header, *lines)

    assert report(folder) == before


def test_columns_of_other_names_are_mapped(small: Path) -> None:
    before = report(small)
    for name, header in (("arms", "who;where"), ("metric", "who;what")):
        lines = (small / f"{name}.csv").read_text().splitlines()[1:]
        write(small / f"{name}.csv", header, *(x.replace(",", ";") for x in lines))

    options = (
        "--assignment-columns", "customer=who,arm=where",
        "--metric-columns", "customer=who", "--metric-columns", "value=what",
    )  # fmt: skip

    assert report(small, *options) == before


def test_customers_in_two_arms_are_counted_and_left_out(folder: Path) -> None:
    with (folder / "arms.csv").open("a") as file:
        file.write("a0,email\na1,email\na2,control\n")

    found = report(folder)

    assert found["in_several_arms"] == 2
    assert found["results"][0]["control_customers"] == 4998
    assert found["results"][0]["control_mean"] == pytest.approx(198 / 4998)


def test_rows_of_customers_who_were_not_assigned_are_ignored_and_counted(
    folder: Path,
) -> None:
    before = report(folder)["results"]
    with (folder / "metric.csv").open("a") as file:
        file.write("stranger,1\nstranger,7\nother,1\n")

    found = report(folder)

    assert found["unassigned_rows"] == 3
    assert found["results"] == before


def test_rows_of_one_customer_are_added_up_and_counted(small: Path) -> None:
    before = report(small)["results"]
    with (small / "metric.csv").open("a") as file:
        file.write("c3,-1\nc3,1\n")

    found = report(small)

    assert found["added_rows"] == 2
    assert found["results"] == before


def test_who_has_no_value_counts_as_zero_unless_told_otherwise(small: Path) -> None:
    write(small / "metric.csv", "customer,value", "c0,4", "c2,8", "c1,3", "c3,3", "c5,")

    as_zero = report(small)
    left_out = report(small, "--absent", "leave-out")

    assert as_zero["results"][0]["mean"] == pytest.approx(1.2)
    assert as_zero["without_metric"] == left_out["without_metric"] == 16
    assert left_out["results"][0]["mean"] == 6
    assert left_out["results"][0]["control_customers"] == 2


def test_a_planted_sample_ratio_fault_stops_the_decision(folder: Path) -> None:
    with (folder / "arms.csv").open("a") as file:
        file.writelines(f"x{number},email\n" for number in range(600))

    assert report(folder)["results"][0]["decision"] == "sample_ratio_mismatch"
    meant = report(folder, "--shares", "control=0.47,email=0.53")
    assert meant["results"][0]["decision"] == "treatment_higher"


def test_shares_that_nobody_told_are_said_to_be_assumed(small: Path) -> None:
    assert report(small)["are_shares_assumed"] is True
    assert report(small, "--shares", "control=0.5,email=0.5")[
        "are_shares_assumed"
    ] is False  # fmt: skip


def test_a_decision_waits_for_the_plan(folder: Path) -> None:
    (by_sample,) = report(folder, "--planned-sample", "10001")["results"]
    (by_effect,) = report(folder, "--planned-mde", "0.001")["results"]
    (by_day,) = report(
        folder, "--start", "2026-10-01", "--min-days", 30, "--as-of", "2026-10-30"
    )["results"]
    (then,) = report(
        folder, "--start", "2026-10-01", "--min-days", 30, "--as-of", "2026-10-31",
        "--planned-sample", "10000",
    )["results"]  # fmt: skip

    assert by_sample["waits_for"] == "planned_sample"
    assert by_effect["waits_for"] == "planned_mde"
    assert by_day["waits_for"] == "min_days"
    assert by_day["decision"] == "too_early"
    assert then["decision"] == "treatment_higher"


def test_days_are_counted_from_the_first_assignment(small: Path) -> None:
    lines = (small / "arms.csv").read_text().splitlines()[1:]
    write(
        small / "arms.csv",
        "customer,arm,assigned_at",
        *(f"{line},2026-10-0{1 + n % 3} 12:00:00" for n, line in enumerate(lines)),
    )

    options = ("--min-days", 30, "--as-of")

    assert report(small, *options, "2026-10-30")["results"][0]["waits_for"]
    assert not report(small, *options, "2026-10-31")["results"][0]["waits_for"]


def test_the_time_before_makes_the_interval_narrower(small: Path) -> None:
    plain = report(small)["results"][0]
    write(
        small / "metric.csv",
        "customer,value,pre_value",
        *(f"c{number},{number},{number + number % 3}" for number in range(20)),
    )

    (found,) = report(small)["results"]

    assert found["estimator"] == "cuped"
    assert found["plain_lift_abs"] == plain["lift_abs"]
    assert found["ci_high"] - found["ci_low"] < 0.5 * (
        plain["ci_high"] - plain["ci_low"]
    )


def test_strata_are_compared_within(small: Path) -> None:
    write(
        small / "arms.csv",
        "customer,arm,stratum",
        *(f"c{n},{'control' if n % 4 == 0 else 'email'},low" for n in range(12)),
        *(f"c{n},{'control' if n % 4 else 'email'},high" for n in range(12, 24)),
    )
    write(
        small / "metric.csv",
        "customer,value",
        *(f"c{n},{n // 12}" for n in range(24)),
    )

    (found,) = report(small)["results"]

    assert (found["mean"], found["control_mean"]) == (0.25, 0.75)
    assert found["lift_abs"] == 0


def test_several_arms_are_told_apart_and_the_control_can_be_named(
    small: Path,
) -> None:
    write(
        small / "arms.csv",
        "customer,arm",
        *(f"c{n},{('none', 'sms', 'call')[n % 3]}" for n in range(20)),
    )

    found = report(small, "--control", "none")

    assert [each["arm"] for each in found["results"]] == ["call", "sms"]
    assert "which arm is the control? Name it with --control" in problem(small)
    assert "no customer is in the control 'nobody'" in problem(
        small, "--control", "nobody"
    )


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("metric", ["customer,value", "c1,1", "c2,1 200"], "line 3: column value"),
        ("metric", ["customer,value", '"c\n1",1', "c2,nan"], "line 4: column value"),
        ("metric", ["customer,value", ",1"], "line 2: column customer: is empty"),
        ("metric", ["customer,points", "c1,1"], "line 1: no column value; there are"),
        ("arms", ["customer,arm", "c1,"], "line 2: column arm: is empty"),
        ("arms", ["person,arm", "c1,a"], "Say which it is with customer=COLUMN"),
        ("arms", ["customer,arm", "c1,email"], "all customers are in one arm, email"),
        (
            "arms",
            ["customer,arm,assigned_at", "c1,a,2026-10-01", "c2,b,soon"],
            "line 3: column assigned_at: is no date",
        ),
    ],
)
def test_errors_name_the_file_the_line_and_the_column(
    small: Path, name: str, lines: list[str], says: str
) -> None:
    file = write(small / f"{name}.csv", *lines)

    told = problem(small)

    assert says in told
    if "all customers" not in says:
        assert str(file) in told


def test_values_of_cells_are_not_shown(small: Path) -> None:
    write(small / "metric.csv", "customer,value", "anna@example.com,+79161234567x")

    told = problem(small)

    assert "anna" not in told and "7916" not in told


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--shares", "control=0.5"], "the arm email has no share"),
        (["--shares", "control=0.5,email=0.6"], "they add up to 1.1, not 1"),
        (["--shares", "control:0.5"], "is not of the form arm=share"),
        (["--kind", "proportion"], "make no proportion"),
        (["--min-days", "3"], "--min-days needs --as-of"),
        (["--min-days", "3", "--as-of", "2026-10-31"], "needs --start, or a column"),
        (["--metric-columns", "value=points"], "no column points; there are"),
        (["--metric-columns", "worth=value"], "'worth' is unknown; there are customer"),
        (["--metric-columns", "value"], "is not of the form what=column"),
    ],
)
def test_options_that_cannot_be_say_what_to_do(
    small: Path, options: list[str], says: str
) -> None:
    assert says in problem(small, *options)


def test_a_plan_says_how_many_customers_a_lift_takes_and_the_other_way_round() -> None:
    # Textbook: 4 % against 5 %, 5 % two-sided, power 80 %: 6,745 an arm.
    sample = experiment("plan", "--baseline", 0.04, "--lift", 0.01, "--json")
    planned = json.loads(sample.stdout)["planned_sample"]
    back = experiment("plan", "--sd", 10, "--sample", 3140, "--json")

    assert planned == pytest.approx(2 * 6745, abs=4)
    assert json.loads(back.stdout)["mde"] == pytest.approx(1, rel=1e-3)


def test_a_plan_takes_the_spread_from_a_file(small: Path) -> None:
    # 0 to 19 have a variance of 35.
    found = experiment(
        "plan", "--metric-file", small / "metric.csv", "--lift", 1, "--json"
    )

    assert json.loads(found.stdout)["variance"] == pytest.approx(35)


def test_more_arms_take_more_customers() -> None:
    options = ("--sd", 1, "--lift", 0.1, "--json", "--shares")
    two = json.loads(experiment("plan", *options, "control=0.5,a=0.5").stdout)
    three = json.loads(experiment("plan", *options, "control=0.5,a=0.25,b=0.25").stdout)

    assert three["planned_sample"] > 1.5 * two["planned_sample"]


@pytest.mark.parametrize(
    "options",
    [
        ["--lift", "0.1"],
        ["--sd", "1"],
        ["--sd", "1", "--baseline", "0.1", "--lift", "0.1"],
        ["--sd", "1", "--lift", "0.1", "--sample", "100"],
        ["--baseline", "0.9", "--lift", "0.1"],
    ],
)
def test_a_plan_without_what_it_needs_is_refused(options: list[str]) -> None:
    assert experiment("plan", *options).exit_code == 2
