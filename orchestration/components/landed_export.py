"""One export from its files to verdicts: landed, judged, and guarded by its suite."""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from orchestration.components.pipeline import Pipeline
from orchestration.components.rules import rule_context, sql_macros
from orchestration.lib.landing import lander, ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.deliveries import (
    LANDED,
    days_since_delivery,
    in_order,
)
from orchestration.lib.landing.lander import LedgerRow
from orchestration.lib.quality import (
    contacts,
    data_docs,
    deletions,
    judge,
    overrides,
)
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.quality.results import (
    ExpectationResult,
    create_tables,
    known_results,
    record_results,
)
from orchestration.lib.quality.sql_macros import macro_files
from orchestration.lib.quality.suites import Suite, read_suite
from orchestration.lib.runs import RunParameters, stage
from orchestration.lib.warehouse import connect, literal
from orchestration.settings import EXPECTATIONS, MACROS, SEEDS, Settings

IN_TIME = "delivered_in_time"


def stage_name(contract: ExportContract) -> str:
    """The stage of `ops.stages` that lands and guards this export."""
    return f"land {contract.key}"


def landed_export(
    contract: ExportContract, *, places: Sequence[dg.AssetKey]
) -> dg.AssetsDefinition:
    """The asset of one export: rows as delivered, with the checks of its suite.

    Args:
        places: assets of the places that its files may come from.
    """
    suite = read_suite(EXPECTATIONS, contract.source, contract.export)
    key = dg.AssetKey([contract.source, contract.export])

    @dg.asset(
        key=key,
        description=contract.description,
        deps=places,
        group_name="raw",
        kinds={"duckdb", "greatexpectations"},
        owners=[f"team:{contract.owner}"],
        pool="warehouse",
        check_specs=[
            dg.AssetCheckSpec(
                name, asset=key, blocking=expectation["severity"] == "critical"
            )
            for name, expectation in zip(
                suite.check_names, suite.document["expectations"], strict=True
            )
        ]
        + [
            dg.AssetCheckSpec(
                IN_TIME,
                asset=key,
                description=f"The newest delivery is at most {age} days old.",
            )
            for age in [contract.max_age_days]
            if age is not None
        ],
    )
    def export(
        context: dg.AssetExecutionContext, pipeline: Pipeline
    ) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
        guard = ExportGuard(contract, suite, pipeline, pipeline.parameters(context))
        with stage(
            pipeline.settings.warehouse, stage_name(contract), guard.run.run_id
        ) as step:
            guard.land(context.log.info)
            guard.judge()
            results = guard.evaluate()
            if failed_checks(results):
                # The run ends here, before the step that shows what was validated.
                data_docs.update(pipeline.settings.home)
            if problem := guard.problem(results):
                step.fail(problem)
        yield dg.MaterializeResult(metadata=guard.metadata())
        yield from _check_results(key, suite, results)
        if contract.max_age_days is not None:
            yield guard.check_age(key, contract.max_age_days)

    return export


class ExportGuard:
    """The steps that one export goes through in a run, in order."""

    def __init__(
        self,
        contract: ExportContract,
        suite: Suite,
        pipeline: Pipeline,
        run: RunParameters,
    ) -> None:
        self.contract, self.suite, self.run = contract, suite, run
        self.settings = pipeline.settings
        by_export, unclaimed = pipeline.claimed_files()
        self.files = by_export[contract.key]
        #: Archives that may hold files of any export.
        self.unreadable = [
            f"{file.name}: {file.unreadable}" for file in unclaimed if file.unreadable
        ]
        self.rules = rule_context(self.settings, run.base_currency)
        self.rules_version = _rules_version(suite, self.settings, run)
        self.decisions = [
            each
            for each in overrides.read_overrides(self.settings.overrides)
            if each.key == contract.key
        ]
        self.seen: list[LedgerRow] = []
        #: Of all runs: every ledger row, and those of files that were read.
        self.known: list[LedgerRow] = []
        self.landed: list[LedgerRow] = []

    def land(self, progress: Any) -> None:  # noqa: ANN401 - a logger's method
        """Land files that are new by content; refused ones are tried again."""
        with connect(self.settings.warehouse) as connection:
            ledger.create_ledger(connection, self.settings.raw)
            known = ledger.read(connection, self.contract)
        for row in lander.land_export(
            self.contract,
            self.files,
            raw=self.settings.raw,
            known=known,
            now=datetime.now(UTC),
            progress=progress,
        ):
            self.seen.append(row)
            with connect(self.settings.warehouse) as connection:
                ledger.record(connection, [row])
        with connect(self.settings.warehouse) as connection:
            ledger.create_raw_table(connection, self.contract, self.settings.raw)
            rows = ledger.read(connection, self.contract)
        self.known = rows
        self.landed = [row for row in rows if row.outcome in LANDED]

    def judge(self) -> None:
        """Classify contacts and write verdicts for files that have none yet."""
        export = judged_export(self.contract, self.landed)
        source_and_export = (self.contract.source, self.contract.export)
        with connect(self.settings.warehouse) as connection:
            judge.create_tables(connection)
            contacts.create_tables(connection, _contacts_version(self.settings))
            deletions.create_tables(connection)
            changed = overrides.load(connection, *source_and_export, self.decisions)
            deletions.forget(connection, *source_and_export, changed)
            judge.show_repairs(connection, export)
            files = judge.unjudged(
                connection,
                export,
                [row.file_id for row in self.landed],
                self.rules_version,
            )
            if not files:
                return
            listed = ", ".join(literal(file_id) for file_id in files)
            rejects = {
                row.file_id: lander.rejects_path(self.settings.raw, row)
                for row in self.landed
                if row.file_id in files
            }
            classifier = contacts.ContactClassifier(SEEDS, self.settings.phone_region)
            for rows in (
                f"(select * from {export.delivered} where _file_id in ({listed}))",
                overrides.repaired_texts(
                    *source_and_export,
                    [*self.contract.email_columns, *self.contract.phone_columns],
                ),
            ):
                contacts.classify(
                    connection,
                    classifier,
                    rows=rows,
                    email_columns=self.contract.email_columns,
                    phone_columns=self.contract.phone_columns,
                )
            if export.withdraws_numbers:
                contacts.classify(
                    connection,
                    classifier,
                    rows=judge.numbers_in_rejects(rejects.values()),
                    email_columns=(),
                    phone_columns=("contact_text",),
                )
            judge.judge(
                connection,
                export,
                self.suite,
                self.rules,
                rejects=rejects,
                rules_version=self.rules_version,
            )

    def evaluate(self) -> list[ExpectationResult]:
        """The suite's results over all landed rows; none if none was delivered."""
        if not self.landed:
            return []
        files = sorted(row.file_id for row in self.landed)
        repairs = [each.to_json() for each in self.decisions if each.kind == "repair"]
        version = _digest([self.rules_version, *files, *repairs])
        with connect(self.settings.warehouse) as connection:
            create_tables(connection)
            results = known_results(
                connection, self.contract.source, self.contract.export, version
            )
        if not results:
            # Great Expectations takes seconds to import: only when there is news.
            from orchestration.lib.quality.expectations import validate

            results = validate(
                self.settings.warehouse,
                self.suite,
                rows=judged_export(self.contract, self.landed).judged_rows,
                home=self.settings.home,
            )
        with connect(self.settings.warehouse) as connection:
            record_results(
                connection,
                results,
                run_id=self.run.run_id,
                source=self.contract.source,
                export=self.contract.export,
                inputs_version=version,
            )
        return results

    def problem(self, results: list[ExpectationResult]) -> str | None:
        """What about this export must keep audiences from leaving, if anything."""
        if broken := failed_checks(results):
            return f"critical checks failed: {', '.join(broken)}"
        unread = [row for row in self.seen if row.outcome == "refused"] + [
            row for row in self.landed[-1:] if row.outcome == "partly"
        ]
        reasons = [*(row.reason for row in unread), *self.unreadable]
        if reasons and self.contract.carries_consent:
            return f"opt-outs may be missing: {reasons[0]}"
        return None

    def check_age(self, key: dg.AssetKey, max_age_days: int) -> dg.AssetCheckResult:
        """Whether the newest delivery is recent; one that never came is not late."""
        age = days_since_delivery(self.known, self.run.as_of)
        return dg.AssetCheckResult(
            asset_key=key,
            check_name=IN_TIME,
            passed=age is None or age <= max_age_days,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"days since the newest delivery": age},
        )

    def metadata(self) -> dict[str, Any]:
        """Figures for the asset's page; never a value of a row."""
        with connect(self.settings.warehouse) as connection:
            held = connection.execute(
                "select rule, severity, count(*) from quality.quarantine"
                " where source = ? and export = ? and status = 'open'"
                " group by rule, severity order by rule, severity",
                [self.contract.source, self.contract.export],
            ).fetchall()
        return {
            "dagster/row_count": sum(
                row.rows_delivered - row.rows_rejected for row in self.landed
            ),
            "files landed now": sum(row.outcome in LANDED for row in self.seen),
            "files refused now": sum(row.outcome == "refused" for row in self.seen),
            "quarantine": {f"{rule} ({severity})": n for rule, severity, n in held},
            "data docs": dg.MetadataValue.path(self.settings.data_docs),
        }


def failed_checks(results: list[ExpectationResult]) -> list[str]:
    """The critical checks that failed, of which one alone stops the run."""
    return [
        result.check_name
        for result in results
        if result.severity == "critical" and not result.success
    ]


def judged_export(contract: ExportContract, landed: list[LedgerRow]) -> JudgedExport:
    """The slice of the contract that the judge needs."""
    delivered = {name: None for row in landed for name in row.columns}
    return JudgedExport(
        source=contract.source,
        export=contract.export,
        columns=tuple(delivered) or contract.columns,
        drops_duplicates=contract.duplicates == "drop",
        grouped_by=contract.grouped_by,
        group_header=contract.group_header,
        row_key=contract.row_key,
        withdrawing_columns=(
            contract.email_columns if contract.carries_consent else ()
        ),
        withdraws_numbers=contract.carries_consent and bool(contract.phone_columns),
    )


def record_deletions(
    connection: duckdb.DuckDBPyConnection,
    contract: ExportContract,
    rows: list[LedgerRow],
    settings: Settings,
) -> None:
    """Find what the full deliveries of an export no longer hold."""
    deletions.record_deletions(
        connection,
        judged_export(contract, rows),
        [
            deletions.FullFile(
                file_id=file.file_id,
                delivered_at=file.delivered_at,
                is_whole=file.row.outcome == "landed",
            )
            for file in in_order(contract, rows)
            if not file.is_superseded
        ],
        row_key=sql_macros(settings).row_key("delivered", contract.row_key),
        max_shrink=contract.max_shrink,
    )


def _check_results(
    key: dg.AssetKey, suite: Suite, results: list[ExpectationResult]
) -> Iterator[dg.AssetCheckResult]:
    """One result per expectation; an export that was never delivered passes."""
    by_name = {result.check_name: result for result in results}
    for name in suite.check_names:
        result = by_name.get(name)
        critical = result is not None and result.severity == "critical"
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=name,
            passed=result is None or result.success,
            severity=(
                dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN
            ),
            metadata={
                "evaluated": result.evaluated if result else 0,
                "unexpected": result.unexpected if result else 0,
            },
        )


def _rules_version(suite: Suite, settings: Settings, run: RunParameters) -> str:
    """Changes with everything that verdicts depend on beside the rows."""
    code = Path(judge.__file__).parent
    files = [*sorted(code.glob("*.py")), *macro_files(MACROS)]
    return _digest(
        [
            suite.version,
            run.base_currency,
            settings.business_timezone,
            _contacts_version(settings),
            *(file.read_text(encoding="utf-8") for file in files),
            *((SEEDS / name).read_text(encoding="utf-8") for name in _MONEY_SEEDS),
        ]
    )


def _contacts_version(settings: Settings) -> str:
    return _digest(
        [
            settings.phone_region,
            Path(contacts.__file__).read_text(encoding="utf-8"),
            *((SEEDS / name).read_text(encoding="utf-8") for name in _CONTACT_SEEDS),
        ]
    )


_MONEY_SEEDS = ("currencies.csv", "fx_rates.csv")
_CONTACT_SEEDS = ("email_domain_typos.csv", "placeholder_values.csv")


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
