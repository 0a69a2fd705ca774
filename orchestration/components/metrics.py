"""The metrics of the project, as its seed defines them."""

import csv

from orchestration.settings import SEEDS


def metric_names() -> list[str]:
    """Columns of `kpi_dimensions` that are figures, in the order of the seed."""
    with (SEEDS / "metric_formulas.csv").open(encoding="utf-8", newline="") as file:
        return [row["metric"] for row in csv.DictReader(file)]
