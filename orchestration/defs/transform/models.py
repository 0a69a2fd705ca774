"""The dbt project in two halves: before identity and forecasts, and after them."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from orchestration.components.dbt_build import DbtBuild
from orchestration.components.pipeline import Pipeline
from orchestration.components.stages import BUILD, PREPARE
from orchestration.dbt import (
    Translator,
    dbt_variables,
    prepare_project,
    read_manifest,
)
from orchestration.lib.quality.results import create_tables, record_tests
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

#: Orders too, because forecasts are made between the halves (decision 0015), with the
#: payments that a test holds them against.
_BEFORE_IDENTITY = "+int_identifiers +int_orders +stg_payments__attempts"

project = prepare_project()
manifest = read_manifest(project.manifest_path)
translator = Translator()


def _build(
    context: dg.AssetExecutionContext,
    pipeline: Pipeline,
    selection: Sequence[str],
    stage_name: str,
) -> Iterator[Any]:
    """`dbt build` of the selected models and their tests; results into `quality`.

    Unit tests prove the SQL before it is released; a run proves its data.
    """
    run = pipeline.parameters(context)
    settings = pipeline.settings
    build = DbtBuild(
        context=context,
        selection=selection,
        variables=dbt_variables(settings, run),
        target=settings.home / "dbt",
        manifest=manifest,
        translator=translator,
    )
    with stage(settings.warehouse, stage_name, run.run_id):
        try:
            yield from build.run()
        finally:
            with connect(settings.warehouse) as connection:
                create_tables(connection)
                record_tests(connection, run.run_id, build.results)


@dbt_assets(
    manifest=manifest,
    project=project,
    select=_BEFORE_IDENTITY,
    name="models_before_identity",
    dagster_dbt_translator=translator,
    pool="warehouse",
)
def models_before_identity(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[Any]:
    """Staging, the identifiers of all records, and orders."""
    selection = ["--select", _BEFORE_IDENTITY]
    yield from _build(context, pipeline, selection, PREPARE)


@dbt_assets(
    manifest=manifest,
    project=project,
    exclude=_BEFORE_IDENTITY,
    name="models_after_identity",
    dagster_dbt_translator=translator,
    pool="warehouse",
)
def models_after_identity(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[Any]:
    """Everything about customers: consent, orders, marts, segments, audiences."""
    selection = ["--exclude", _BEFORE_IDENTITY]
    yield from _build(context, pipeline, selection, BUILD)
