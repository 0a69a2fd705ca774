"""`crm360 forecast fit`, from a file of purchases to a forecast of every customer."""

import csv
import json
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main
from orchestration.lib.forecast.bg_nbd import BgNbd
from orchestration.lib.forecast.fits import FIGURES
from orchestration.lib.forecast.gamma_gamma import GammaGamma
from tests.forecast.draws import draw_orders
from tests.support import shared


def fit(file: Path, *arguments: object, as_of: str = "2026-10-31") -> Result:
    return CliRunner().invoke(
        main,
        [
            "forecast", "fit", "--transactions", str(file), "--as-of", as_of,
            *map(str, arguments),
        ],
    )  # fmt: skip


def fitted(file: Path, *arguments: object, as_of: str = "2026-10-31") -> Any:
    result = fit(file, "--json", *arguments, as_of=as_of)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def purchases(tmp_path: Path) -> Path:
    """1,500 customers over 400 days, drawn from the models; rows shuffled."""
    drawn = draw_orders(  # noqa: F841 - read by DuckDB
        np.random.default_rng(3),
        1500,
        400,
        BgNbd(0.6, 8.0, 0.9, 2.2),
        GammaGamma(6.0, 4.0, 1500.0),
    )
    file = tmp_path / "purchases.csv"
    duckdb.sql(
        f"""
        copy (
            select
                concat('c', customer) as customer,
                date '2026-10-31' - 400 + day as date,
                round(amount, 2) as amount
            from drawn
            order by hash(customer, day, amount)
        ) to '{file}' (header true)
        """
    )
    return file


def cdnow(folder: Path) -> Path:
    file = folder / "cdnow.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["amount", "customer", "cds", "date"])
        for line in (shared("cdnow") / "CDNOW_sample.txt").read_text().splitlines():
            _, customer, day, cds, amount = line.split()
            writer.writerow([amount, customer, cds, day])
    return file


def test_cdnow_gives_the_published_figures(tmp_path: Path) -> None:
    found = fitted(cdnow(tmp_path), as_of="1997-09-30")

    parameters = found["parameters"]
    assert {name: round(parameters[name], 3) for name in ("r", "alpha", "a", "b")} == {
        "r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426,
    }  # fmt: skip
    assert {name: round(parameters[name], 2) for name in "pqv"} == {
        "p": 6.25, "q": 3.74, "v": 15.44,
    }  # fmt: skip
    assert round(found["log_likelihood"], 1) == -9582.4
    assert (found["customers"], found["rows_after_as_of"]) == (2357, 1959)
    assert found["converged"] and found["beats_naive"] and found["value_beats_naive"]
    orders = found["holdout"]["orders"]
    assert orders["rmse"] < orders["naive_rmse"]
    assert orders["total_error"] == pytest.approx(
        orders["expected"] / orders["actual"] - 1, rel=1e-5
    )
    assert abs(orders["total_error"]) < 0.15 < orders["naive_total_error"]


def test_orders_of_online_retail_are_forecast_and_its_revenue_is_not(
    tmp_path: Path,
) -> None:
    """Half a year of a wholesaler: nobody seems to leave, few decide the revenue."""
    purchases = tmp_path / "online_retail.csv"
    duckdb.sql(
        f"""
        copy (
            select
                CustomerID as customer,
                strptime(split_part(InvoiceDate, ' ', 1), '%m/%d/%Y')::date as date,
                Quantity::int * UnitPrice::decimal(18, 3) as amount
            from read_csv(
                '{shared("online_retail")}/*.csv.gz', all_varchar = true
            )
            where InvoiceNo not like 'C%' and CustomerID <> ''
                and Quantity::int > 0 and UnitPrice::double > 0
        ) to '{purchases}' (header true)
        """
    )

    found = fitted(purchases, as_of="2011-05-31")

    assert (found["rows"], found["customers"]) == (145_450, 2_718)
    assert found["orders_reason"] is None
    assert found["value_reason"] == "no_better_than_naive"
    orders = found["holdout"]["orders"]
    assert orders["actual"] == 1334
    assert orders["expected"] == pytest.approx(orders["actual"], rel=0.05)
    assert orders["naive"] != pytest.approx(orders["actual"], rel=0.15)
    assert found["expected"]["expected_orders_12m"] > 0
    assert found["expected"]["clv_expected_12m"] is None


def test_customers_are_forecast_into_a_file(purchases: Path, tmp_path: Path) -> None:
    out = tmp_path / "expected.parquet"

    found = fitted(purchases, "--out", out)

    with duckdb.connect() as connection:
        rows = connection.execute(f"from '{out}'").fetchall()
        sums = connection.execute(
            f"select {', '.join(f'sum({name})' for name in FIGURES[1:])} from '{out}'"
        ).fetchone()
    assert [row[0] for row in rows] == sorted(row[0] for row in rows)
    assert len(rows) == found["customers"] == 1500
    assert sums is not None
    assert [float(each) for each in sums] == pytest.approx(
        list(found["expected"].values()), abs=0.01
    )


def test_the_order_of_rows_and_columns_changes_nothing(
    purchases: Path, tmp_path: Path
) -> None:
    with purchases.open() as file:
        header, *rows = csv.reader(file)
    other = tmp_path / "other.csv"
    with other.open("w", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([*reversed(row), "x"] for row in (header, *reversed(rows)))
    outs = [tmp_path / "one.csv", tmp_path / "two.csv"]

    one, two = (
        fitted(each, "--out", out)
        for each, out in zip((purchases, other), outs, strict=True)
    )

    assert one | {"transactions": ""} == two | {"transactions": ""}
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_parquet_is_read_like_csv(purchases: Path, tmp_path: Path) -> None:
    parquet = tmp_path / "purchases.parquet"
    duckdb.sql(f"copy (from '{purchases}') to '{parquet}'")

    assert fitted(parquet) | {"transactions": ""} == fitted(purchases) | {
        "transactions": ""
    }


def test_the_unit_changes_alpha_and_no_forecast(
    purchases: Path, tmp_path: Path
) -> None:
    weeks, days = fitted(purchases), fitted(purchases, "--unit", "days")

    assert days["parameters"]["alpha"] == pytest.approx(
        7 * weeks["parameters"]["alpha"], rel=1e-5
    )
    assert days["expected"] == pytest.approx(weeks["expected"], rel=1e-5)


def test_people_read_what_was_fitted_and_how_wrong_it_was(purchases: Path) -> None:
    result = fit(purchases)

    assert result.exit_code == 0, result.output
    for expected in (
        "1,500 customers", "BG/NBD in weeks: r 0.", "Gamma-Gamma: p ", "naive", "RMSE",
        "Holdout", "orders in 3, 6 and 12 months",
    ):  # fmt: skip
        assert expected in result.stdout


def test_a_model_without_figures_says_why_and_gives_none(tmp_path: Path) -> None:
    file, out = tmp_path / "once.csv", tmp_path / "out.csv"
    file.write_text(
        "customer,date,amount\n"
        + "".join(f"c{number},2026-01-0{number % 9 + 1},5\n" for number in range(99))
    )

    found = fitted(file, "--out", out)

    assert found["orders_reason"] == found["value_reason"] == "no_repeat_orders"
    assert set(found["parameters"].values()) == {None}
    assert set(found["expected"].values()) == {None}
    assert found["holdout"]["orders"] is None
    assert out.read_text().splitlines()[1] == "c0,,,,,,,"
    assert "no forecast: nobody ordered" in fit(file).stdout


def test_what_is_no_purchase_is_left_out_and_counted(
    purchases: Path, tmp_path: Path
) -> None:
    before = fitted(purchases)
    with purchases.open("a") as file:
        file.write("c1,2026-10-30,-12.5\n,2026-10-30,12.5\nc1,2026-11-01,12.5\n")

    found = fitted(purchases)

    assert found["rows_below_zero"] == found["rows_without_customer"] == 1
    assert found["rows_after_as_of"] == 1
    assert found["parameters"] == before["parameters"]


@pytest.mark.parametrize("day", ["2026-10-01", "20261001", "2026-10-01T23:59:59+03:00"])
def test_dates_are_read_as_they_are_written(tmp_path: Path, day: str) -> None:
    file = tmp_path / "one.csv"
    file.write_text(f"Customer, DATE ,Amount\nanna,{day},5\n")

    assert fitted(file, as_of="2026-10-01")["customers"] == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "customer,day,amount\nanna,2026-01-01,5\n",
            "line 1: there is no column date; there are customer, day, amount. Name",
        ),
        (
            "customer,date,amount\nanna,2026-01-01,5\nboris,31.01.2026,5\nc,x,5\n",
            "line 3, column date: the date cannot be read (and 1 more); write dates",
        ),
        (
            "customer,date,amount\nanna,2026-02-30,5\n",
            "line 2, column date: the date cannot be read; write dates",
        ),
        (
            'customer,date,amount\nanna,2026-01-01,"1,234.50"\n',
            "line 2, column amount: the amount cannot be read; write amounts",
        ),
        (
            "customer,date,amount\nanna,2026-01-01,\n",
            "line 2, column amount: the amount is missing; write amounts",
        ),
        ("customer,date,amount\n", "no rows below the header"),
        ("customer,date,amount\nanna,2027-01-01,5\n", "the first is on 2027-01-01"),
        ("customer,date,amount\n,2026-01-01,5\n", "1 rows have no customer"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_place_and_remedy(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(text)

    result = fit(file)

    assert result.exit_code == 1
    assert str(file) in result.stderr
    assert message in result.stderr
    for value in ("anna", "boris", "31.01.2026", "1,234.50"):
        assert value not in result.stderr


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    file = tmp_path / "bad.parquet"
    file.write_bytes(b"\x00\x01nothing")

    result = fit(file)

    assert result.exit_code == 1
    assert "cannot be read as CSV" in result.stderr


def test_an_output_of_another_kind_is_refused(purchases: Path, tmp_path: Path) -> None:
    result = fit(purchases, "--out", tmp_path / "out.xlsx")

    assert result.exit_code == 2
    assert "neither .csv nor .parquet" in result.stderr
