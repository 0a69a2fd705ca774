"""The experiments that a company has declared."""

import csv

from orchestration.dbt import accepted_values, audience_nodes, prepare_project
from orchestration.lib.experiments.declaration import (
    Experiment,
    Known,
    read_experiments,
)
from orchestration.settings import SEEDS, Settings


def declared_experiments(settings: Settings) -> list[Experiment]:
    """All experiments of the configured folder, by name.

    Raises:
        ExperimentError: a file cannot be followed.
    """
    if not settings.experiments.is_dir():
        return []
    return read_experiments(settings.experiments, known())


def known() -> Known:
    """What a declaration may name, as the models and seeds have it."""
    manifest = prepare_project().manifest_path
    with (SEEDS / "channels.csv").open(encoding="utf-8", newline="") as file:
        channels = [
            row["channel"]
            for row in csv.DictReader(file)
            if row["is_contact_channel"] == "true"
        ]
    return Known(
        segments=accepted_values(manifest, "segment_members", "segment"),
        channels=channels,
        audiences=list(audience_nodes(manifest)),
        metrics=accepted_values(manifest, "experiment_outcomes", "metric"),
    )
