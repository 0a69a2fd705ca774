"""The ledger of deliveries, including files that no export expects."""

from collections.abc import Iterator

import dagster as dg

from orchestration.components.pipeline import Pipeline, contracts
from orchestration.lib.landing import ledger
from orchestration.lib.landing.lander import unclaimed_row
from orchestration.lib.landing.landing_place import delivered_files
from orchestration.lib.warehouse import connect

_STABLE = dg.AssetCheckSpec(
    "columns_are_as_before",
    asset=dg.AssetKey(["ops", "file_ledger"]),
    description="The newest file of no export gained, lost or renamed a column.",
)


@dg.asset(
    key=["ops", "file_ledger"],
    deps=[dg.AssetKey([each.source, each.export]) for each in contracts()],
    group_name="quality",
    kinds={"duckdb"},
    owners=["team:data-engineering"],
    pool="warehouse",
    check_specs=[_STABLE],
)
def file_ledger(
    pipeline: Pipeline,
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """One row per file seen in the landing place, with what became of it."""
    _, unclaimed = pipeline.claimed_files()
    rows = [unclaimed_row(file, reason) for file, reason in unclaimed.items()]
    with connect(pipeline.settings.warehouse) as connection:
        ledger.record(connection, rows)
        changes = [
            each
            for each in ledger.record_schema_changes(connection, contracts())
            if each.change != "reordered"
        ]
        outcomes = connection.execute(
            "select outcome, count(*) from ops.file_ledger group by outcome"
            " order by outcome"
        ).fetchall()
    yield dg.MaterializeResult(metadata=dict(outcomes))
    yield dg.AssetCheckResult(
        check_name=_STABLE.name,
        passed=not changes,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            f"{each.source}.{each.export}.{each.column_name}": (
                f"{each.file_name}: {each.change}"
                f"{f' from {each.was}' if each.was else ''}; {each.remedy}"
            )
            for each in changes
        },
    )


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
            [[file.name for file in delivered_files(pipeline.landing_place)]],
        ).fetchall()
    return dg.AssetCheckResult(
        passed=not unread,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={str(name): str(reason) for name, reason in unread},
    )
