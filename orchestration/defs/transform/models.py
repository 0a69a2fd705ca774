"""The dbt project in two halves: what identity needs, and what needs identity."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster_dbt import DbtCliResource, dbt_assets

from orchestration.components.pipeline import Pipeline
from orchestration.components.stages import BUILD, PREPARE
from orchestration.dbt import Translator, dbt_variables, prepare_project
from orchestration.lib.quality.results import create_tables, record_tests
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

_BEFORE_IDENTITY = "+int_identifiers"

project = prepare_project()


def _build(
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    pipeline: Pipeline,
    stage_name: str,
) -> Iterator[Any]:
    """`dbt build` of the selected models and their tests; results into `quality`.

    Unit tests prove the SQL before it is released; a run proves its data.
    """
    run = pipeline.parameters(context)
    settings = pipeline.settings
    variables = json.dumps(dbt_variables(settings, run))
    arguments = ["build", "--exclude-resource-type", "unit_test", "--vars", variables]
    target = settings.home / "dbt" / stage_name.replace(" ", "_")
    with stage(settings.warehouse, stage_name, run.run_id):
        invocation = dbt.cli(
            arguments, context=context, target_path=target, raise_on_error=True
        )
        try:
            yield from invocation.stream()
        finally:
            results = target / "run_results.json"
            if results.exists():
                with connect(settings.warehouse) as connection:
                    create_tables(connection)
                    document = json.loads(results.read_text(encoding="utf-8"))
                    record_tests(connection, run.run_id, document["results"])


@dbt_assets(
    manifest=project.manifest_path,
    project=project,
    select=_BEFORE_IDENTITY,
    name="models_before_identity",
    dagster_dbt_translator=Translator(),
    pool="warehouse",
)
def models_before_identity(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, pipeline: Pipeline
) -> Iterator[Any]:
    """Staging and the identifiers of all records."""
    yield from _build(context, dbt, pipeline, PREPARE)


@dbt_assets(
    manifest=project.manifest_path,
    project=project,
    exclude=_BEFORE_IDENTITY,
    name="models_after_identity",
    dagster_dbt_translator=Translator(),
    pool="warehouse",
)
def models_after_identity(
    context: dg.AssetExecutionContext, dbt: DbtCliResource, pipeline: Pipeline
) -> Iterator[Any]:
    """Everything about customers: consent, orders, marts, segments, audiences."""
    yield from _build(context, dbt, pipeline, BUILD)
