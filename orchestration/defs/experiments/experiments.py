"""Experiments around the second half of the dbt project (decision 0016)."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.experiments import declared_experiments
from orchestration.components.pipeline import Pipeline
from orchestration.components.stages import DECLARE, EXPERIMENTS
from orchestration.lib.experiments.record import (
    declare,
    record_assignments,
    write_results,
)
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

_DECLARED = {
    "arms": "One row per declared experiment and arm.",
    "assignments": "One row per experiment and customer id that was assigned to it.",
}


@dg.multi_asset(
    name="experiments",
    specs=[
        dg.AssetSpec(
            ["experiments", name],
            deps=[dg.AssetKey(["identity", "aliases"])],
            description=description,
            group_name="experiments",
            kinds={"duckdb", "python"},
            owners=["team:analytics"],
        )
        for name, description in _DECLARED.items()
    ],
    pool="warehouse",
)
def experiments(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[dg.MaterializeResult[Any]]:
    """What is declared, and who was assigned in earlier runs."""
    run = pipeline.parameters(context)
    settings = pipeline.settings
    with stage(settings.warehouse, DECLARE, run.run_id):
        declared = declared_experiments(settings)
        with connect(settings.warehouse) as connection:
            declare(connection, declared, settings.experiment_record)
    for name in _DECLARED:
        yield dg.MaterializeResult(
            asset_key=["experiments", name],
            metadata={"experiments": [each.name for each in declared]},
        )


@dg.asset(
    key=["experiments", "results"],
    deps=[
        dg.AssetKey(["marts", name])
        for name in (
            "experiment_assignments", "experiment_outcomes", "experiment_results",
        )
    ],
    group_name="experiments",
    kinds={"duckdb", "python"},
    owners=["team:analytics"],
    pool="warehouse",
)  # fmt: skip
def experiment_results(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> dg.MaterializeResult[Any]:
    """Newcomers recorded for ever, and `marts/experiment_results` filled."""
    run = pipeline.parameters(context)
    settings = pipeline.settings
    with stage(settings.warehouse, EXPERIMENTS, run.run_id):
        declared = declared_experiments(settings)
        with connect(settings.marts) as connection:
            newcomers = record_assignments(connection, settings.experiment_record)
            results = write_results(connection, declared, run.as_of)
    return dg.MaterializeResult(metadata={"newcomers": newcomers, "results": results})
