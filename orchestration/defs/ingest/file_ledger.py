"""The ledger of deliveries, including files that no export expects."""

import dagster as dg

from orchestration.components.pipeline import Pipeline, contracts
from orchestration.lib.landing import ledger
from orchestration.lib.landing.inspection import identify
from orchestration.lib.landing.lander import delivered_files, unclaimed_row
from orchestration.lib.warehouse import connect


@dg.asset(
    key=["ops", "file_ledger"],
    deps=[dg.AssetKey([each.source, each.export]) for each in contracts()],
    group_name="quality",
    kinds={"duckdb"},
    owners=["team:data-engineering"],
    pool="warehouse",
)
def file_ledger(pipeline: Pipeline) -> dg.MaterializeResult[None]:
    """One row per file seen in the landing place, with what became of it."""
    _, unclaimed = pipeline.claimed_files()
    rows = [
        unclaimed_row(name, identify(pipeline.landing_place / name), reason)
        for name, reason in unclaimed.items()
    ]
    with connect(pipeline.settings.warehouse) as connection:
        ledger.record(connection, rows)
        outcomes = connection.execute(
            "select outcome, count(*) from ops.file_ledger group by outcome"
            " order by outcome"
        ).fetchall()
    return dg.MaterializeResult(metadata=dict(outcomes))


@dg.asset_check(asset=file_ledger)
def every_file_was_read(pipeline: Pipeline) -> dg.AssetCheckResult:
    """No file in the landing place was refused or cut short."""
    with connect(pipeline.settings.warehouse) as connection:
        unread = connection.execute(
            """
            select file_name, reason
            from ops.file_ledger
            where outcome in ('refused', 'partly') and list_contains(?, file_name)
            order by file_name
            """,
            [delivered_files(pipeline.landing_place)],
        ).fetchall()
    return dg.AssetCheckResult(
        passed=not unread,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={str(name): str(reason) for name, reason in unread},
    )
