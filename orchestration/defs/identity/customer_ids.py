"""Identity resolution between the two halves of the dbt project."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.components.progress import StageClock
from orchestration.components.stages import IDENTITY
from orchestration.lib.identity.decisions import read_decisions
from orchestration.lib.identity.evidence import read_identifier_types
from orchestration.lib.identity.model import default_model
from orchestration.lib.identity.resolution import resolve
from orchestration.lib.identity.scoring import IdentityMacros
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect, literal
from orchestration.settings import MACROS, SEEDS

_IDENTIFIERS = """(
    select distinct
        source, export, record_id, identifier_type, match_key as identifier_value
    from intermediate.int_identifiers
)"""
_BLOCKED = (
    f"read_csv({literal(str(SEEDS / 'blocked_identifiers.csv'))},"
    " header = true, all_varchar = true)"
)

_DESCRIPTIONS = {
    "customer_ids": "One row per source record, with the customer it belongs to.",
    "identifier_edges": "One row per record and identifier: what it joins, or why not.",
    "blocked_identifiers": "One row per identifier that joins nobody, with the reason.",
    "likely_pairs": "One row per pair of records whose likeness joins them.",
    "links": "One row per record and what joins it, or why it does not.",
    "review_queue": "One row per pair of customers who may be one, for people to say.",
    "overrides": "One row per pair of records that people pinned or vetoed.",
    "assignments": "One row per change of a record's customer id: the history.",
    "events": "One row per creation, merge, split or retirement of a customer id.",
    "aliases": "One row per id ever issued, with the one to use now.",
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
    """Who is one customer by all evidence and decisions, under ids that stay."""
    run = pipeline.parameters(context)
    warehouse = pipeline.settings.warehouse
    decided = read_decisions(pipeline.settings.identity_decisions)
    with (
        stage(warehouse, IDENTITY, run.run_id),
        connect(warehouse) as connection,
    ):
        counts = resolve(
            connection,
            IdentityMacros(MACROS),
            records="intermediate.int_source_records",
            identifiers=_IDENTIFIERS,
            types=read_identifier_types(SEEDS),
            blocked_identifiers=_BLOCKED,
            decided=decided,
            as_of=run.as_of,
            model=default_model(),
            progress=StageClock(context.log).begin,
        )
    for name in _DESCRIPTIONS:
        yield dg.MaterializeResult(
            asset_key=["identity", name],
            metadata={f"customers {kind}": count for kind, count in counts.items()},
        )
