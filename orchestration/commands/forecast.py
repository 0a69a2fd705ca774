"""`crm360 forecast`: what customers will order."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.commands.errors import Wrong

if TYPE_CHECKING:
    from orchestration.lib.forecast.company import Forecast
    from orchestration.lib.forecast.fits import Errors, Fit
    from orchestration.lib.forecast.transactions import Transactions

_FILE = click.Path(dir_okay=False, path_type=Path)
_REASONS = {
    "no_repeat_orders": "nobody ordered, or paid, on a second day",
    "too_few_customers": "too few customers came back to learn from",
    "did_not_converge": "the likelihood has no maximum",
    "history_too_short": "the history is too short to judge the model by",
    "no_better_than_naive": "it is no better than everybody going on as before",
}


@click.group()
def forecast() -> None:
    """Say what customers will order, where their history says it.

    \b
    crm360 forecast fit --transactions purchases.csv --as-of 2026-10-31
    """


@forecast.command()
@click.option(
    "--transactions",
    "file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Purchases: CSV or Parquet with the columns customer, date, amount.",
)
@click.option(
    "--as-of",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    help="Last day of the history; later rows are left out.",
)
@click.option(
    "--unit",
    type=click.Choice(["days", "weeks", "months"]),
    default="weeks",
    show_default=True,
    help="Of alpha; it changes no forecast.",
)
@click.option("--out", type=_FILE, help="Forecasts by customer: .csv or .parquet.")
@click.option("--json", "as_json", is_flag=True, help="Print the fit as JSON.")
def fit(
    file: Path, as_of: datetime, unit: str, out: Path | None, as_json: bool
) -> None:
    """Fit BG/NBD and Gamma-Gamma to a file of purchases, and judge them.

    The file is CSV (UTF-8, with a header) or Parquet with the columns customer, date
    and amount in any order; others are ignored. Purchases of one day count as one.
    Both models are fitted again to all but the last quarter of the history and held
    against it; what is no better there than "everybody goes on as before" gives no
    forecast, and says so. Expected revenue is not discounted.

    OUT has a row per customer: the probability that they are still active, orders and
    revenue expected in 3, 6 and 12 months; empty where a model gives none.

    \b
    crm360 forecast fit --transactions purchases.csv --as-of 2026-10-31
    crm360 forecast fit --transactions cdnow.csv --as-of 1997-09-30 --json
    crm360 forecast fit --transactions purchases.parquet --as-of 2026-10-31 \\
      --unit days --out expected.csv
    """
    import duckdb

    from orchestration.lib.forecast.company import forecast_customers
    from orchestration.lib.forecast.fits import FIGURES
    from orchestration.lib.forecast.transactions import (
        TransactionsError,
        read_transactions,
    )
    from orchestration.lib.warehouse import TABLE_SUFFIXES, TableUnreadable, write_table

    if out and out.suffix.lower() not in TABLE_SUFFIXES:
        raise Wrong(f"{out} is neither .csv nor .parquet")
    with duckdb.connect() as connection:
        try:
            read = read_transactions(connection, file, as_of.date())
        except (TransactionsError, TableUnreadable) as error:
            raise click.ClickException(str(error)) from error
        found = forecast_customers(
            connection, "transactions", as_of=as_of.date(), unit=unit
        )
        if found is None:
            raise click.ClickException(_nothing(file, as_of, read))
        totals = connection.execute(
            f"select {', '.join(f'sum({name})' for name in FIGURES[1:])}"
            " from customer_forecasts"
        ).fetchone()
        assert totals is not None
        if out:
            write_table(
                connection,
                f"select customer_id as customer, {', '.join(FIGURES)}"
                " from customer_forecasts order by customer_id",
                out,
            )
    expected = {
        name: None if total is None else round(float(total), 2)
        for name, total in zip(FIGURES[1:], totals, strict=True)
    }
    if as_json:
        document = _document(file, as_of, unit, read, found, expected)
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(file, unit, read, found, expected)))


def _nothing(file: Path, as_of: datetime, read: "Transactions") -> str:
    what = f"{file}: no purchase of a customer on or before {as_of:%Y-%m-%d}"
    if read.first_on is None:
        return f"{file}: there are no rows below the header"
    if not read.rows:
        return f"{what}; the first is on {read.first_on}: choose a later --as-of"
    return (
        f"{what}: {read.without_customer:,} rows have no customer, {read.below_zero:,}"
        " an amount below zero"
    )


def _document(
    file: Path,
    as_of: datetime,
    unit: str,
    read: "Transactions",
    found: "Forecast",
    expected: dict[str, float | None],
) -> dict[str, Any]:
    from orchestration.lib.forecast.company import fit_row

    ((segment, fitted),) = found.fits.items()
    row = fit_row(segment, fitted, found.days)

    def take(*names: str) -> dict[str, Any]:
        return {name: row.get(name) for name in names}

    def errors(what: str, judged: "Errors | None") -> dict[str, Any] | None:
        if judged is None:
            return None
        return {name: row[f"{what}_{name}"] for name in vars(judged)}

    return {
        "transactions": str(file),
        "as_of": f"{as_of:%Y-%m-%d}",
        "unit": unit,
        "rows": read.rows,
        "rows_after_as_of": read.after_as_of,
        "rows_without_customer": read.without_customer,
        "rows_below_zero": read.below_zero,
        **take("customers", "repeat_customers"),
        "parameters": take("r", "alpha", "a", "b", "p", "q", "v"),
        "log_likelihood": row["orders_log_likelihood"],
        **take(
            "value_log_likelihood", "converged", "value_converged", "beats_naive",
            "value_beats_naive", "orders_reason", "value_reason", "problem",
        ),
        "holdout": {
            "cut_on": str(found.days.cut_on),
            "days": found.days.holdout_days,
            "customers": fitted.holdout_customers,
            "orders": errors("orders", fitted.orders_errors),
            "revenue": errors("revenue", fitted.revenue_errors),
        },
        "expected": expected,
    }  # fmt: skip


def _lines(
    file: Path,
    unit: str,
    read: "Transactions",
    found: "Forecast",
    expected: dict[str, float | None],
) -> list[str]:
    ((_, fitted),) = found.fits.items()
    days = found.days
    lines = [
        f"{file}: {read.rows:,} rows to {days.as_of}, {fitted.customers:,} customers,"
        f" {fitted.repeat_customers:,} of them came back"
    ]
    left_out = {
        "of later days": read.after_as_of,
        "without a customer": read.without_customer,
        "below zero (returns)": read.below_zero,
    }
    lines += [
        f"  left out   {count:,} rows {what}"
        for what, count in left_out.items()
        if count
    ]
    lines += _model("Orders", "BG/NBD", f" in {unit}", fitted.orders,
                    fitted.orders_log_likelihood, fitted.orders_reason)  # fmt: skip
    lines += _model("Value", "Gamma-Gamma", "", fitted.value,
                    fitted.value_log_likelihood, fitted.value_reason)  # fmt: skip
    lines += [f"  problem    {problem}" for problem in fitted.problems]
    if fitted.orders_errors:
        lines += _holdout(found, fitted)
    for what, kind in (("orders", "expected_orders"), ("revenue", "clv_expected")):
        totals = [
            total for name, total in expected.items()
            if name.startswith(kind) and total is not None
        ]  # fmt: skip
        if totals:
            figures = ", ".join(f"{total:,.0f}" for total in totals)
            lines.append(f"Expected     {what} in 3, 6 and 12 months: {figures}")
    return lines


def _model(
    what: str,
    name: str,
    unit: str,
    model: Any,  # noqa: ANN401 - either of the two models
    log_likelihood: float | None,
    reason: str | None,
) -> list[str]:
    lines = []
    if model is not None:
        parameters = ", ".join(
            f"{key} {value:.4f}" for key, value in vars(model).items()
        )
        lines.append(
            f"{what:12} {name}{unit}: {parameters};"
            f" log-likelihood {log_likelihood:,.2f}"
        )
    if reason:
        lines.append(f"{what:12} no forecast: {_REASONS[reason]}")
    return lines


def _holdout(found: "Forecast", fitted: "Fit") -> list[str]:
    days = found.days
    lines = [
        f"Holdout      {days.cut_on} to {days.as_of} ({days.holdout_days} days),"
        f" {fitted.holdout_customers:,} customers; fitted to what was before",
        f"  {'':8}{'actual':>14}{'expected':>14}{'error':>8}{'naive':>14}{'error':>8}"
        f"{'MAE':>11}{'naive':>11}{'RMSE':>11}{'naive':>11}",
    ]
    for what, errors in (
        ("orders", fitted.orders_errors),
        ("revenue", fitted.revenue_errors),
    ):
        if errors:
            lines.append(f"  {what:8}{_figures(errors)}")
    return lines


def _figures(errors: "Errors") -> str:
    means = (errors.mae, errors.naive_mae, errors.rmse, errors.naive_rmse)
    return "".join(
        [
            f"{errors.actual:>14,.0f}",
            f"{errors.expected:>14,.0f}{_share(errors.total_error):>8}",
            f"{errors.naive:>14,.0f}{_share(errors.naive_total_error):>8}",
            *(f"{each:>11,.3f}" for each in means),
        ]
    )


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:+.1%}"
