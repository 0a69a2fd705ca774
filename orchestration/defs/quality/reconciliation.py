"""The balance of the gate: delivered = accepted + quarantined + exact duplicates."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.landed_export import judged_export, record_deletions
from orchestration.components.pipeline import Pipeline, contracts
from orchestration.components.stages import RECONCILE
from orchestration.lib.activation.feedback import copy_feedback
from orchestration.lib.landing import ledger
from orchestration.lib.quality import data_docs, deletions, judge
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

_DESCRIPTIONS = {
    "quarantine": "One row per broken rule and cell, with reason and repair.",
    "held_rows": "One row per delivered row that does not flow.",
    "held_contact_texts": "Addresses that may have opted out in a row nobody mended.",
    "held_phone_texts": "Numbers that may have opted out in a line nobody can read.",
    "reconciliation": "One row per file: delivered, accepted, quarantined, duplicates.",
    "full_deliveries": "One row per full delivery: whether it can prove deletions.",
    "deleted_keys": "One row per thing that full deliveries no longer hold.",
    "email_addresses": "One row per distinct text delivered as an e-mail address.",
    "phone_numbers": "One row per distinct text delivered as a telephone number.",
    "contact_feedback": "One row per contact that a destination called unreachable.",
}
_BALANCE = dg.AssetCheckSpec(
    "every_row_is_accounted_for",
    asset=dg.AssetKey(["quality", "reconciliation"]),
    description="Delivered = accepted + quarantined + exact duplicates, file by file.",
    blocking=True,
)
_COMPLETE = dg.AssetCheckSpec(
    "full_deliveries_are_complete",
    asset=dg.AssetKey(["quality", "full_deliveries"]),
    description="No newest full delivery was cut or lacks suspiciously much.",
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
    check_specs=[_BALANCE, _COMPLETE],
    pool="warehouse",
)
def quality(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Verdicts are written as each export lands; here they are drawn together.

    So are the results of Great Expectations: Data Docs show every export that was
    validated before this step, in whichever run.
    """
    run = pipeline.parameters(context)
    warehouse = pipeline.settings.warehouse
    with stage(warehouse, RECONCILE, run.run_id) as step:
        with connect(warehouse) as connection:
            ledger.create_ledger(connection, pipeline.settings.raw)
            judge.create_tables(connection)
            deletions.create_tables(connection)
            exports = []
            for contract in contracts():
                rows = ledger.read(connection, contract)
                if not rows:  # its asset may never run; models want its table
                    ledger.create_raw_table(connection, contract, pipeline.settings.raw)
                exports.append(judged_export(contract, rows))
                if contract.delivery == "full":
                    record_deletions(connection, contract, rows, pipeline.settings)
            judge.reconcile(connection, exports)
            copy_feedback(connection, pipeline.settings.activation)
            incomplete = deletions.incomplete_deliveries(connection)
            unbalanced = judge.unbalanced_files(connection)
            statuses = judge.row_statuses(connection)
            counts = {
                name: connection.execute(
                    f"select count(*) from quality.{name}"
                ).fetchone()
                for name in _DESCRIPTIONS
            }
        data_docs.update(pipeline.settings.home)
        if unbalanced:
            step.fail(f"rows lost or doubled in {', '.join(unbalanced)}")
    for name, count in counts.items():
        yield dg.MaterializeResult(
            asset_key=["quality", name],
            metadata={"dagster/row_count": count[0] if count else 0}
            | (_by_status(statuses) if name == "quarantine" else {}),
        )
    yield dg.AssetCheckResult(
        asset_key=_BALANCE.asset_key,
        check_name=_BALANCE.name,
        passed=not unbalanced,
        metadata={"files": ", ".join(unbalanced)},
    )
    yield dg.AssetCheckResult(
        asset_key=_COMPLETE.asset_key,
        check_name=_COMPLETE.name,
        passed=not incomplete,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"deliveries": "; ".join(incomplete)},
    )


def _by_status(statuses: dict[str, int]) -> dict[str, int]:
    """Rows by what became of them, as metadata that Dagster draws over time."""
    return {f"rows {status}": count for status, count in statuses.items()}
