"""The balance of the gate: delivered = accepted + quarantined + exact duplicates."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.landed_export import judged_export
from orchestration.components.pipeline import Pipeline, contracts
from orchestration.components.stages import RECONCILE
from orchestration.lib.landing import ledger
from orchestration.lib.quality import judge
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

_DESCRIPTIONS = {
    "quarantine": "One row per broken rule and cell, with reason and repair.",
    "held_rows": "One row per delivered row that does not flow.",
    "reconciliation": "One row per file: delivered, accepted, quarantined, duplicates.",
    "email_addresses": "One row per distinct text delivered as an e-mail address.",
    "phone_numbers": "One row per distinct text delivered as a telephone number.",
}
_BALANCE = dg.AssetCheckSpec(
    "every_row_is_accounted_for",
    asset=dg.AssetKey(["quality", "reconciliation"]),
    description="Delivered = accepted + quarantined + exact duplicates, file by file.",
    blocking=True,
)


@dg.multi_asset(
    name="quality",
    specs=[
        dg.AssetSpec(
            ["quality", name],
            deps=[dg.AssetKey([each.source, each.export]) for each in contracts()]
            + [dg.AssetKey(["ops", "file_ledger"])],
            description=description,
            group_name="quality",
            kinds={"duckdb"},
            owners=["team:data-engineering"],
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    check_specs=[_BALANCE],
    pool="warehouse",
)
def quality(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Verdicts are written as each export lands; here they are drawn together."""
    run = pipeline.parameters(context)
    warehouse = pipeline.settings.warehouse
    with stage(warehouse, RECONCILE, run.run_id) as step:
        with connect(warehouse) as connection:
            exports = [
                judged_export(each, ledger.read(connection, each))
                for each in contracts()
            ]
            judge.reconcile(connection, exports)
            unbalanced = judge.unbalanced_files(connection)
            counts = {
                name: connection.execute(
                    f"select count(*) from quality.{name}"
                ).fetchone()
                for name in _DESCRIPTIONS
            }
        if unbalanced:
            step.fail(f"rows lost or doubled in {', '.join(unbalanced)}")
    for name, count in counts.items():
        yield dg.MaterializeResult(
            asset_key=["quality", name],
            metadata={"dagster/row_count": count[0] if count else 0},
        )
    yield dg.AssetCheckResult(
        asset_key=_BALANCE.asset_key,
        check_name=_BALANCE.name,
        passed=not unbalanced,
        metadata={"files": ", ".join(unbalanced)},
    )
