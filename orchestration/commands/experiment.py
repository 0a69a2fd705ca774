"""`crm360 experiment`: what is planned, what is declared, and what came of it."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from orchestration.commands.errors import Wrong, clear_errors
from orchestration.settings import Settings, load_settings

if TYPE_CHECKING:
    import duckdb

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DAY = click.DateTime(["%Y-%m-%d"])
_FRACTION = click.FloatRange(0, 1, min_open=True, max_open=True)
_POSITIVE = click.FloatRange(0, min_open=True)


@click.group()
def experiment() -> None:
    """Plan, check and judge experiments.

    \b
    crm360 experiment plan --baseline 0.04 --lift 0.01
    crm360 experiment check
    crm360 experiment analyse --assignments arms.csv --metric-file orders.csv
    crm360 experiment report winback_holdout
    """


@experiment.command()
@click.option(
    "--assignments",
    "assignments_file",
    required=True,
    type=_FILE,
    help="customer, arm[, stratum][, assigned_at].",
)
@click.option(
    "--metric-file",
    required=True,
    type=_FILE,
    help="customer, value[, prior_value]; several rows of a customer are added up.",
)
@click.option(
    "--assignment-columns",
    multiple=True,
    metavar="MAPPING",
    help="Where its columns have other names: customer=user_id,arm=variant.",
)
@click.option(
    "--metric-columns",
    multiple=True,
    metavar="MAPPING",
    help="Likewise: customer=user_id,value=revenue,prior_value=revenue_before.",
)
@click.option(
    "--control",
    help="The arm to compare with. Default: the one called control, holdout, baseline,"
    " A or 0.",
)
@click.option(
    "--shares",
    metavar="SHARES",
    help="Shares that were meant: control=0.1,email=0.9. Default: equal ones.",
)
@click.option(
    "--kind",
    type=click.Choice(["auto", "proportion", "mean"]),
    default="auto",
    show_default=True,
    help="auto: proportion where all values are 0 and 1.",
)
@click.option(
    "--absent",
    type=click.Choice(["zero", "leave-out"]),
    default="zero",
    show_default=True,
    help="What customers without a value count as. Whoever is left out was treated all"
    " the same: results are then biased where the treatment decides who is absent.",
)
@click.option("--alpha", type=_FRACTION, default=0.05, show_default=True)
@click.option("--power", type=_FRACTION, default=0.8, show_default=True)
@click.option(
    "--planned-sample",
    type=click.IntRange(min=1),
    help="No decision before so many customers over all arms.",
)
@click.option(
    "--planned-mde",
    type=_POSITIVE,
    help="No decision before lifts as small as this would show.",
)
@click.option(
    "--min-days",
    type=click.IntRange(min=0),
    default=0,
    help="No decision before so many days after the start; needs --as-of.",
)
@click.option("--start", type=_DAY, help="Default: the first assigned_at.")
@click.option("--as-of", type=_DAY, help="The day until which the metric counts.")
@click.option("--expected-lift", type=float, help="In units of the metric: 0.05.")
@click.option("--expected-relative-lift", type=float, help="0.1 is 10 % more.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def analyse(
    assignments_file: Path,
    metric_file: Path,
    assignment_columns: tuple[str, ...],
    metric_columns: tuple[str, ...],
    control: str | None,
    shares: str | None,
    kind: Literal["auto", "proportion", "mean"],
    absent: str,
    alpha: float,
    power: float,
    planned_sample: int | None,
    planned_mde: float | None,
    min_days: int,
    start: datetime | None,
    as_of: datetime | None,
    expected_lift: float | None,
    expected_relative_lift: float | None,
    as_json: bool,
) -> None:
    """Judge an experiment from two files, CSV (UTF-8, with a header) or Parquet.

    By intention to treat: whoever was assigned counts, with zero where the metric file
    does not name them. Customers in several arms are counted and left out, rows of
    others are counted and ignored. A column prior_value, the metric before the start,
    makes intervals narrower (CUPED).

    A decision is treatment_higher, treatment_lower or no_difference_found; or why there
    is none: too_early, sample_ratio_mismatch (p below 0.001: more or fewer customers
    came into an arm than its share allows; find out why) or cannot_tell.

    \b
    crm360 experiment analyse --assignments arms.csv --metric-file orders.csv \\
      --shares control=0.1,email=0.9 --planned-sample 20000 --json
    crm360 experiment analyse --assignments arms.parquet --metric-file revenue.csv \\
      --metric-columns customer=user_id,value=revenue,prior_value=revenue_2025 \\
      --min-days 30 --as-of 2026-10-31
    """
    import duckdb

    from orchestration.lib.experiments import files
    from orchestration.lib.experiments.analysis import (
        Plan,
        expected_counts,
        read_cells,
    )
    from orchestration.lib.experiments.analysis import analyse as judge
    from orchestration.lib.warehouse import TableUnreadable

    if min_days and as_of is None:
        raise Wrong("--min-days needs --as-of, the day until which the metric counts")
    with duckdb.connect() as connection:
        try:
            files.read_assignments(
                connection,
                assignments_file,
                files.parse_columns(assignment_columns, files.ASSIGNMENT_COLUMNS),
            )
            has_prior_values = files.read_metric(
                connection,
                metric_file,
                files.parse_columns(metric_columns, files.METRIC_COLUMNS),
            )
            counts = files.join(
                connection,
                absent_is_zero=absent == "zero",
                has_prior_values=has_prior_values,
            )
            compared_with = files.control_of(list(counts.assigned), control)
            found_kind = files.kind_of(connection, kind)
        except (files.FilesRefused, TableUnreadable) as error:
            raise Wrong(str(error)) from error
        started_on = start.date() if start else counts.started_on
        if min_days and started_on is None:
            raise Wrong("--min-days needs --start, or a column assigned_at")
        meant = _shares(shares, list(counts.assigned))
        results = judge(
            read_cells(connection, "measured"),
            expected_counts({"": counts.assigned}, {"": meant}),
            Plan(
                control=compared_with,
                metric="value",
                kind=found_kind,
                alpha=alpha,
                power=power,
                planned_sample=planned_sample,
                planned_mde=planned_mde,
                starts_on=started_on,
                min_days=min_days,
                as_of=as_of.date() if as_of else None,
                expected_lift_abs=expected_lift,
                expected_lift_rel=expected_relative_lift,
            ),
        )
    report = {
        "control": compared_with,
        "kind": found_kind,
        "alpha": alpha,
        "shares": meant,
        "are_shares_assumed": shares is None,
        "is_planned": planned_sample is not None or planned_mde is not None,
        **dataclasses.asdict(counts),
        "results": [dataclasses.asdict(result) for result in results],
    }
    click.echo(
        json.dumps(report, default=str, indent=2)
        if as_json
        else "\n".join(_lines(report))
    )


@experiment.command()
@click.option("--baseline", type=_FRACTION, help="Of a proportion: 0.04 now buy.")
@click.option("--sd", type=_POSITIVE, help="Of a mean: its standard deviation.")
@click.option(
    "--metric-file",
    type=_FILE,
    help="Or the customers' values in a time as long as the experiment: customer,"
    " value. Include who did nothing, with 0.",
)
@click.option("--metric-columns", multiple=True, metavar="MAPPING")
@click.option("--lift", type=_POSITIVE, help="The smallest lift that is worth seeing.")
@click.option("--sample", type=click.IntRange(min=4), help="Or who there is.")
@click.option(
    "--shares",
    default="control=0.5,treatment=0.5",
    show_default=True,
    metavar="SHARES",
    help="The control first.",
)
@click.option("--alpha", type=_FRACTION, default=0.05, show_default=True)
@click.option("--power", type=_FRACTION, default=0.8, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def plan(
    baseline: float | None,
    sd: float | None,
    metric_file: Path | None,
    metric_columns: tuple[str, ...],
    lift: float | None,
    sample: int | None,
    shares: str,
    alpha: float,
    power: float,
    as_json: bool,
) -> None:
    """How many customers show a lift, or which lift shows among so many customers.

    Of several arms, the smallest is counted with, and alpha is divided by how many are
    compared with the control.

    \b
    crm360 experiment plan --baseline 0.04 --lift 0.01
    crm360 experiment plan --sd 5200 --sample 2000 --shares control=0.1,email=0.9
    crm360 experiment plan --metric-file revenue_q3.csv --lift 100
    """
    from orchestration.lib.experiments.inference import (
        minimum_detectable_effect,
        sample_size,
    )

    if sum(each is not None for each in (baseline, sd, metric_file)) != 1:
        raise Wrong("say one of --baseline, --sd and --metric-file")
    if (lift is None) == (sample is None):
        raise Wrong("say one of --lift and --sample")
    if baseline is not None and lift is not None and baseline + lift >= 1:
        raise Wrong("--baseline and --lift together must be below 1")
    by_arm = _shares(shares)
    control, *others = by_arm.values()
    pair = (control, min(others))
    if metric_file is not None:
        variance = _variance(metric_file, metric_columns)
    elif sd is not None:
        variance = sd * sd
    else:
        # Halfway between what both arms would show.
        rate = (baseline or 0) + (lift or 0) / 2
        variance = rate * (1 - rate)
    corrected = alpha / len(others)
    if lift is not None:
        sample = sample_size(variance, pair, lift, alpha=corrected, power=power)
    else:
        assert sample is not None, "one of the two was given"
        lift = minimum_detectable_effect(
            variance,
            (sample * pair[0], sample * pair[1]),
            alpha=corrected,
            power=power,
        )
    if as_json:
        report = {
            "planned_sample": sample,
            "mde": lift,
            "variance": variance,
            "shares": by_arm,
            "alpha": alpha,
            "power": power,
        }
        click.echo(json.dumps(report, indent=2))
        return
    click.echo(
        f"{sample:,} customers over all arms show a lift of {lift:.4g}"
        f" with a power of {power:.0%}:"
    )
    for arm, share in by_arm.items():
        click.echo(f"  {arm:20} {sample * share:>12,.0f}")


@experiment.command()
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def check(as_json: bool) -> None:
    """Read all declared experiments, and say what is wrong with the first that is not
    as it should be.

    One YAML file each, in the folder experiments/ beside crm360.toml, or where the key
    `experiments` there says. docs/experiments.md has an example.
    """
    from orchestration.components.experiments import declared_experiments

    with clear_errors():
        settings = load_settings()
        declared = declared_experiments(settings)
    if as_json:
        found = [dataclasses.asdict(each) for each in declared]
        click.echo(json.dumps(found, default=str, indent=2))
        return
    click.echo(f"{len(declared)} experiments in {settings.experiments}")
    for each in declared:
        arms = ", ".join(f"{arm} {share:.0%}" for arm, share in each.shares.items())
        click.echo(
            f"  {each.name}: {each.starts_on} to {each.ends_on}, {each.segment},"
            f" {arms}; decided by {each.metrics[0]}; budget {each.budget:,.0f}"
        )


@experiment.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_experiments(as_json: bool) -> None:
    """What experiments showed in the last run; all figures are in the mart
    experiment_results.
    """
    with clear_errors(), _published(load_settings()) as marts:
        rows = _results(marts)
    if as_json:
        click.echo(json.dumps(rows, default=str, indent=2))
        return
    if not rows:
        click.echo("no experiment has anybody assigned to it yet")
    for row in rows:
        click.echo(f"{row['experiment']}: {row['metric']}, {_line(row)}")


@experiment.command()
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Default: NAME.html, here.",
)
def report(name: str, out: Path | None) -> None:
    """Write the experiment NAME as one page to share: the five answers, the lift of
    each arm with its interval, and the decision. It holds no personal data.

    \b
    crm360 experiment report winback_holdout
    crm360 experiment report winback_holdout --out /srv/reports/winback.html
    """
    from orchestration.components.experiments import declared_experiments
    from orchestration.lib.experiments.report import render
    from orchestration.lib.runs import published_run

    with clear_errors():
        settings = load_settings()
        declared = {each.name: each for each in declared_experiments(settings)}
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise Wrong(f"no experiment {name} is declared; there are {known}")
        with _published(settings) as marts:
            rows = [row for row in _results(marts) if row["experiment"] == name]
            as_of, currency = published_run(marts)
        if not rows:
            raise Wrong(f"{name} has nobody assigned to it yet: `crm360 run` does that")
        page = render(declared[name], rows, as_of=as_of, currency=currency)
        path = out or Path(f"{name}.html")
        path.write_text(page, encoding="utf-8")
    click.echo(path)


@contextmanager
def _published(settings: Settings) -> Iterator["duckdb.DuckDBPyConnection"]:
    """The published marts, to be read."""
    from orchestration.lib.warehouse import connect

    file = settings.published / "current" / "marts.duckdb"
    with connect(file, read_only=True) as marts:
        yield marts


def _results(marts: "duckdb.DuckDBPyConnection") -> list[dict[str, Any]]:
    """The rows of `experiment_results`, the deciding metric of each first."""
    from orchestration.lib.warehouse import as_dicts

    return as_dicts(
        marts.execute(
            "select * from experiment_results"
            " order by experiment, is_deciding desc, metric, arm"
        )
    )


def _shares(text: str | None, arms: list[str] | None = None) -> dict[str, float]:
    """Shares by arm as given, or equal ones.

    Args:
        arms: those that there are, where that is known.
    """
    from orchestration.lib.experiments.declaration import parse_allocation

    if text is None:
        return {arm: 1 / len(arms or ()) for arm in arms or ()}
    try:
        shares = parse_allocation(text)
    except ValueError as error:
        raise Wrong(f"--shares {text}: {error}") from error
    unknown = [arm for arm in arms or () if arm not in shares]
    if unknown:
        raise Wrong(f"--shares {text}: the arm {unknown[0]} has no share")
    if len(shares) < 2 or min(shares.values()) <= 0:
        raise Wrong(f"--shares {text}: at least two arms, with shares above 0")
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise Wrong(f"--shares {text}: they add up to {sum(shares.values()):g}, not 1")
    return shares


def _variance(file: Path, columns: tuple[str, ...]) -> float:
    """Of the customers' values in a file."""
    import duckdb

    from orchestration.lib.experiments import files
    from orchestration.lib.warehouse import TableUnreadable

    with duckdb.connect() as connection:
        try:
            files.read_metric(
                connection, file, files.parse_columns(columns, files.METRIC_COLUMNS)
            )
        except (files.FilesRefused, TableUnreadable) as error:
            raise Wrong(str(error)) from error
        row = connection.execute(
            "select var_samp(value) from (select coalesce(sum(value), 0) as value"
            " from metric_rows group by customer)"
        ).fetchone()
    if not row or not row[0]:
        raise Wrong(f"{file}: all values are alike, which is no ground to plan on")
    return float(row[0])


def _lines(report: dict[str, Any]) -> list[str]:
    """The report as a person reads it."""
    assumed = (
        ", assumed: --shares says otherwise" if report["are_shares_assumed"] else ""
    )
    shares = ", ".join(f"{arm} {share:.4g}" for arm, share in report["shares"].items())
    assigned = ", ".join(
        f"{arm} {count:,}" for arm, count in sorted(report["assigned"].items())
    )
    (srm, *_) = {each["srm_p_value"] for each in report["results"]}
    lines = [
        f"Assigned      {assigned}",
        f"Sample ratio  p = {_figure(srm)} (shares {shares}{assumed})",
        f"Compared      {report['customers']:,} customers with {report['control']};"
        f" {report['kind']}",
    ]
    for key, text in (
        ("in_several_arms", "customers in several arms, left out"),
        ("without_metric", "customers without a value"),
        ("unassigned_rows", "rows of customers who were not assigned, ignored"),
        ("added_rows", "further rows of a customer, added up"),
    ):
        if report[key]:
            lines.append(f"  {report[key]:>10,} {text}")
    lines += [_line(result) for result in report["results"]]
    if not report["is_planned"]:
        lines.append(
            "Nothing was planned (--planned-sample, --planned-mde): the decision holds"
            " only if this is the first and last look."
        )
    return lines


def _line(result: dict[str, Any]) -> str:
    """One result, whether of a file or of the mart."""
    waits = f" (waits for {result['waits_for']})" if result["waits_for"] else ""
    expected = (
        f", expected {_figure(result['expected_lift_abs'])}"
        if result["expected_lift_abs"] is not None
        else ""
    )
    relative = f" ({result['lift_rel']:+.1%})" if result["lift_rel"] is not None else ""
    return (
        f"{result['arm']}: {result['decision']}{waits}\n"
        f"  mean {_figure(result['mean'])} of {result['customers']:,} against"
        f" {_figure(result['control_mean'])} of {result['control_customers']:,}\n"
        f"  lift {_figure(result['lift_abs'])}{relative}, interval"
        f" {_figure(result['ci_low'])} to {_figure(result['ci_high'])}{expected}\n"
        f"  p = {_figure(result['p_value_adjusted'])}, smallest lift that would show"
        f" {_figure(result['mde'])}, {result['estimator']}"
    )


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.4g}"
