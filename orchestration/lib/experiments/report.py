"""An experiment as one page for whoever decides: five answers, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from orchestration.lib.experiments.declaration import Experiment

_TEMPLATES = Environment(
    loader=PackageLoader("orchestration.lib.experiments", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_VERDICTS = {
    "treatment_higher": "more {metric} than {control}",
    "treatment_lower": "less {metric} than {control}",
    "no_difference_found": "no difference in {metric} from {control} was found",
    "too_early": "too early to decide",
    "sample_ratio_mismatch": "nothing counts: the arms are not of the sizes dealt out",
    "cannot_tell": "nothing can be told: too few customers, or nobody did anything",
}
_WAITS = {
    "planned_sample": "the planned number of customers",
    "planned_mde": "customers enough to show the planned lift",
    "min_days": "the planned number of days",
}
#: Of a chart's width, left free on both sides.
_MARGIN = 0.04


@dataclass(frozen=True, kw_only=True)
class Bar:
    """An arm in a chart; places are percent of its width."""

    low: float
    high: float
    lift: float
    zero: float
    expected: float | None


def render(
    experiment: Experiment,
    results: Sequence[Mapping[str, Any]],
    *,
    as_of: date,
    currency: str,
) -> str:
    """The page as HTML that needs nothing but itself.

    Args:
        results: the experiment's rows of the mart `experiment_results`, at least one.
        as_of: the logical day of the run that they are of.
        currency: the base currency.
    """
    ordered = sorted(
        results, key=lambda row: (not row["is_deciding"], row["metric"], row["arm"])
    )
    metrics = [
        _metric(metric, list(rows), currency)
        for metric, rows in groupby(ordered, key=lambda row: str(row["metric"]))
    ]
    return _TEMPLATES.get_template("report.html.j2").render(
        experiment=experiment,
        metrics=metrics,
        verdicts=[
            f"{row['arm']}: {_verdict(row)}" for row in ordered if row["is_deciding"]
        ],
        incremental=[
            _incremental(row, experiment, currency)
            for row in ordered
            if row["metric"] == "net_revenue" and row["lift_abs"] is not None
        ],
        expected=_expected(experiment, currency),
        left_out=max(row["customers_in_several_arms"] for row in ordered),
        without_customer=max(row["ids_without_customer"] for row in ordered),
        sample_ratio=_figure(ordered[0]["srm_p_value"]),
        as_of=as_of,
        currency=currency,
    )


def _verdict(row: Mapping[str, Any]) -> str:
    text = _VERDICTS[row["decision"]].format(
        metric=row["metric"].replace("_", " "), control=row["control_arm"]
    )
    if row["waits_for"]:
        waits = [_WAITS[each] for each in row["waits_for"].split(", ")]
        text += f", which waits for {' and '.join(waits)}"
    return text


def _metric(
    metric: str, rows: Sequence[Mapping[str, Any]], currency: str
) -> dict[str, Any]:
    def shown(value: float | None, *, signed: bool = False) -> str:
        return _shown(metric, value, currency, signed=signed)

    return {
        "name": metric,
        "is_deciding": rows[0]["is_deciding"],
        "arms": [
            {
                "name": row["arm"],
                "customers": f"{row['customers']:,}",
                "mean": shown(row["mean"]),
                "control_customers": f"{row['control_customers']:,}",
                "control_mean": shown(row["control_mean"]),
                "lift": shown(row["lift_abs"], signed=True),
                "low": shown(row["ci_low"], signed=True),
                "high": shown(row["ci_high"], signed=True),
                "relative": (
                    "" if row["lift_rel"] is None else f"{row['lift_rel']:+.1%}"
                ),
                "p_value": _figure(row["p_value_adjusted"]),
                "mde": shown(row["mde"]),
                "decision": _verdict(row),
                "bar": bar,
            }
            for row, bar in zip(rows, bars(rows), strict=True)
        ],
    }


def bars(rows: Sequence[Mapping[str, Any]]) -> list[Bar | None]:
    """Each arm of a metric on one scale that holds zero; None without an interval."""
    keys = ("ci_low", "ci_high", "expected_lift_abs")
    values = [row[key] for row in rows for key in keys if row[key] is not None]
    low: float = min([0.0, *values])
    high: float = max([0.0, *values])
    width = (high - low) or 1.0

    def place(value: float) -> float:
        share = (value - low) / width
        return round(100 * (_MARGIN + share * (1 - 2 * _MARGIN)), 2)

    return [
        None
        if row["ci_low"] is None or row["ci_high"] is None
        else Bar(
            low=place(row["ci_low"]),
            high=place(row["ci_high"]),
            lift=place(row["lift_abs"]),
            zero=place(0.0),
            expected=(
                None
                if row["expected_lift_abs"] is None
                else place(row["expected_lift_abs"])
            ),
        )
        for row in rows
    ]


def _incremental(
    row: Mapping[str, Any], experiment: Experiment, currency: str
) -> dict[str, str]:
    """What all customers of an arm brought beyond as many of the control."""

    def total(value: float | None) -> str:
        if value is None:
            return "unknown"
        return f"{value * row['customers']:+,.0f} {currency}"

    return {
        "arm": row["arm"],
        "total": total(row["lift_abs"]),
        "low": total(row["ci_low"]),
        "high": total(row["ci_high"]),
        "budget": f"{experiment.budget:,.0f} {currency}",
    }


def _expected(experiment: Experiment, currency: str) -> str:
    metric = experiment.metrics[0]
    if experiment.expected_lift_abs is not None:
        lift = _shown(metric, experiment.expected_lift_abs, currency, signed=True)
        return f"{metric} {lift}"
    if experiment.expected_lift_rel is not None:
        return f"{metric} {experiment.expected_lift_rel:+.1%}"
    return metric


def _shown(metric: str, value: float | None, currency: str, *, signed: bool) -> str:
    """A figure per customer in the metric's unit."""
    if value is None:
        return "unknown"
    sign = "+" if signed else ""
    if metric == "buyers":
        unit = " points" if signed else " %"
        return f"{value * 100:{sign}.2f}{unit}"
    if metric == "net_revenue":
        return f"{value:{sign},.2f} {currency}"
    return f"{value:{sign}.4g}"


def _figure(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.3g}"
