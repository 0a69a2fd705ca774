"""Great Expectations as the gate's judge of whole exports, pushed down to DuckDB.

A cell is parsed once, by the judge; what a row breaks stands in the quarantine. Great
Expectations asks it of every judged row and every rule, counts in DuckDB, compares with
`mostly`, and writes Data Docs. Results hold counts only: no value of a delivered row
leaves the warehouse.

Importing this module imports Great Expectations, which takes seconds: do it inside
the function that needs it.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

import great_expectations as gx
import sqlalchemy as sa
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from orchestration.lib.quality import gx_dialect
from orchestration.lib.quality.results import ExpectationResult
from orchestration.lib.quality.suites import EXPECTATION_TYPE, Suite, check_name
from orchestration.lib.warehouse import literal

COUNTS_ONLY = {
    "result_format": "BASIC",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
}


class ColumnValuesKeepRule(ColumnMapMetricProvider):
    """Which rows break a rule of the registry, as a condition in SQL."""

    condition_metric_name = f"column_values.{EXPECTATION_TYPE}"
    condition_value_keys = ("predicate",)
    filter_column_isnull = False

    @column_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(cls, column: Any, predicate: str, **_: Any) -> Any:  # noqa: ANN401, N805
        return sa.not_(sa.literal_column(predicate))


class ExpectColumnValuesToKeepRule(ColumnMapExpectation):
    """Expect the rows not to break a rule of the registry."""

    map_metric: ClassVar[str] = ColumnValuesKeepRule.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = ("predicate", "mostly")

    rule: str
    predicate: str
    parser: str | None = None
    date_column: str | None = None
    date_parser: str | None = None
    where_present: str | None = None

    def get_validation_dependencies(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Ask for the two counts alone: every other metric is a query of its own."""
        needed = super().get_validation_dependencies(*args, **kwargs)
        for name in needed.get_metric_names():
            if name not in ("table.row_count", f"{self.map_metric}.unexpected_count"):
                needed.remove_metric_configuration(name)
        return needed

    def _validate(
        self,
        metrics: dict[str, Any],
        runtime_configuration: dict[str, Any] | None = None,
        execution_engine: Any = None,  # noqa: ANN401
    ) -> dict[str, Any]:
        """Compare the share of rows that keep the rule, blank cells included."""
        rows = metrics["table.row_count"]
        broken = metrics[f"{self.map_metric}.unexpected_count"] or 0
        return {
            "success": rows == 0 or (rows - broken) / rows >= float(self.mostly),
            "result": {
                "element_count": rows,
                "unexpected_count": broken,
                "unexpected_percent": 100 * broken / rows if rows else 0.0,
            },
        }


def validate(
    warehouse: Path, suite: Suite, *, rows: str, home: Path
) -> list[ExpectationResult]:
    """Evaluate a suite over the judged rows of its export; Data Docs follow later.

    Args:
        warehouse: the DuckDB file; no other connection in this process may be open.
        rows: SQL of the rows, all of files that the judge has been through.
        home: folder for the project of Great Expectations.
    """
    gx_dialect.register()
    project = _project(home)
    name = f"{suite.source}.{suite.export}"
    batch = (
        project.data_sources.add_or_update_sql(
            "warehouse",
            connection_string=f"{gx_dialect.SCHEME}:///{warehouse}?read_only=true",
        )
        .add_query_asset(name, query=_with_broken_rules(suite, rows))
        .add_batch_definition_whole_table("all")
    )
    documents = _with_predicates(suite)
    definition = project.validation_definitions.add_or_update(
        gx.ValidationDefinition(
            name=name,
            data=batch,
            suite=project.suites.add_or_update(
                gx.ExpectationSuite(name=name, expectations=documents)
            ),
        )
    )
    checkpoint = project.checkpoints.add_or_update(
        gx.Checkpoint(
            name=name,
            validation_definitions=[definition],
            result_format=COUNTS_ONLY,
        )
    )
    (run,) = checkpoint.run().run_results.values()
    # Results come in an order of their own: match them by what they evaluated.
    by_check = {
        check_name(each.expectation_config.to_json_dict()): each for each in run.results
    }
    return [_result(document, by_check[check_name(document)]) for document in documents]


def write_pages(home: Path, results: Collection[tuple[str, ...]]) -> None:
    """Write the pages of some validations and of their suites, and the start page.

    Args:
        results: paths of the results below the folder of validations, without ending.
    """
    project = _project(home)
    keys = [
        key
        for key in project.validation_results_store.list_keys()
        if key.to_tuple() in results
    ]
    suites = {key.expectation_suite_identifier for key in keys}
    project.build_data_docs(resource_identifiers=[*keys, *suites])


def _project(home: Path) -> Any:  # noqa: ANN401
    project = gx.get_context(mode="file", project_root_dir=home)
    project.variables.progress_bars = ProgressBarsConfig(globally=False)
    return project


def _with_broken_rules(suite: Suite, rows: str) -> str:
    """SQL of the rows with a column of the checks that each fails.

    A repaired cell keeps its rules; one that was released or dropped does not, so that
    a broken export cannot be waved through.
    """
    return f"""
        select judged.*, coalesce(found.broken, []) as _broken
        from ({rows}) as judged
        left join (
            select file_id, line, list(concat(column_name, '__', rule)) as broken
            from quality.quarantine
            where
                source = {literal(suite.source)}
                and export = {literal(suite.export)}
                and status <> 'repaired'
            group by file_id, line
        ) as found
            on found.file_id = judged._file_id
            and found.line = judged._line
    """


def _with_predicates(suite: Suite) -> list[dict[str, Any]]:
    bindings = iter(suite.bindings)
    documents = []
    for document in suite.document["expectations"]:
        completed = {**document, "kwargs": dict(document["kwargs"])}
        if document["type"] == EXPECTATION_TYPE:
            binding = next(bindings)
            completed["kwargs"]["predicate"] = (
                f"list_contains(_broken, {literal(check_name(document))})"
            )
            completed["description"] = (
                f"{binding.column}: {binding.rule.id}"
                f" in at most {1 - binding.mostly:.1%} of the rows."
                f" {binding.rule.description}"
            )
        documents.append(completed)
    return documents


def _result(document: dict[str, Any], result: Any) -> ExpectationResult:  # noqa: ANN401
    # One entry, or one per metric under the metric's name.
    info = result.exception_info or {}
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry.get("raised_exception"):
            # The message only, and without the cell that it may quote: the traceback
            # repeats the whole statement.
            message = str(entry["exception_message"]).splitlines()[0]
            message = re.sub(r"'.*'", "'...'", message)
            raise RuntimeError(f"{check_name(document)} cannot be evaluated: {message}")
    figures = result.result
    evaluated = figures.get("element_count", figures.get("observed_value", 0))
    return ExpectationResult(
        check_name=check_name(document),
        expectation=document["type"],
        column_name=document["kwargs"].get("column"),
        severity=document["severity"],
        success=bool(result.success),
        evaluated=evaluated if isinstance(evaluated, int) else 0,
        unexpected=int(figures.get("unexpected_count") or 0),
    )
