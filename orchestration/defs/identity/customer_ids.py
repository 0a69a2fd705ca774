"""Identity resolution between the two halves of the dbt project."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.components.stages import IDENTITY
from orchestration.lib.identity.stable_ids import resolve
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

_DESCRIPTIONS = {
    "customer_ids": "One row per source record, with the customer it belongs to.",
    "identifier_edges": "One row per record and identifier that joined it to others.",
    "events": "One row per creation, merge, split or retirement of a customer id.",
    "aliases": "One row per id that was merged away, with the id that stayed.",
}


@dg.multi_asset(
    name="identity",
    specs=[
        dg.AssetSpec(
            ["identity", name],
            deps=[
                dg.AssetKey(["intermediate", "int_source_records"]),
                dg.AssetKey(["intermediate", "int_identifiers"]),
            ],
            description=description,
            group_name="identity",
            kinds={"duckdb", "python"},
            owners=["team:data-engineering"],
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    pool="warehouse",
)
def identity(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[dg.MaterializeResult[Any]]:
    """Connected components of identifiers, under ids that stay."""
    run = pipeline.parameters(context)
    warehouse = pipeline.settings.warehouse
    with (
        stage(warehouse, IDENTITY, run.run_id),
        connect(warehouse) as connection,
    ):
        counts = resolve(
            connection,
            records="intermediate.int_source_records",
            identifiers="intermediate.int_identifiers",
            as_of=run.as_of,
        )
    for name in _DESCRIPTIONS:
        yield dg.MaterializeResult(
            asset_key=["identity", name],
            metadata={f"customers {kind}": count for kind, count in counts.items()},
        )
