"""`dbt build` in the process of the step, told to Dagster as it would tell itself.

A `dbt` process of its own costs seconds of imports, and parses the project anew
whenever a variable differs from the last time, as the logical day does (decision 0010).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

from orchestration.components.progress import WORTH_A_LINE_SECONDS
from orchestration.dbt import Translator, dbt_project, invoke_dbt, parsed_manifest
from orchestration.lib.quality.results import NodeResult


@dataclass
class DbtBuild:
    """One `dbt build` of an asset's selected models and their tests."""

    context: dg.AssetExecutionContext
    #: `--select` or `--exclude` with what the whole asset consists of.
    selection: Sequence[str]
    variables: Mapping[str, Any]
    #: Where dbt writes compiled SQL, `run_results.json` and its log.
    target: Path
    manifest: Mapping[str, Any]
    translator: Translator
    #: Of every node; filled by `run`.
    results: list[NodeResult] = field(default_factory=list)

    def run(self) -> Iterator[Any]:
        """Build, then yield outputs and check results.

        Raises:
            dagster.Failure: a model or test failed; it names them. What the database
                said may quote a delivered value, and stays in dbt's log.
        """
        finished: list[DbtCoreCliEventMessage] = []
        result = invoke_dbt(
            [
                "build",
                *self._selected(),
                *("--exclude-resource-type", "unit_test"),
                *("--vars", json.dumps(self.variables)),
            ],
            target=self.target,
            manifest=parsed_manifest(),
            on_event=self._listener(finished),
        )
        self.results = [
            NodeResult(each.node.unique_id, str(each.status), each.failures)
            for each in getattr(result.result, "results", [])
        ]
        for event in finished:
            yield from event.to_default_asset_events(
                manifest=self.manifest,
                dagster_dbt_translator=self.translator,
                context=self.context,
                project=dbt_project,
            )
        if not result.success:
            raise dg.Failure(description=self._failure(result.exception))

    def _selected(self) -> Sequence[str]:
        """The whole asset, or the models (else the checks) that a person picked."""
        if not self.context.is_subset:
            return self.selection
        keys = self.context.selected_asset_keys
        models = [
            node["name"]
            for node in self.manifest["nodes"].values()
            if node["resource_type"] in ("model", "seed")
            and self.translator.get_asset_key(node) in keys
        ]
        checks = [check.name for check in self.context.selected_asset_check_keys]
        return ["--select", *sorted(models or checks)]

    def _listener(
        self, finished: list[DbtCoreCliEventMessage]
    ) -> Callable[[dict[str, Any]], None]:
        """Keeps the events of finished nodes, and logs the slow ones at once."""

        def listen(raw: dict[str, Any]) -> None:
            event = DbtCoreCliEventMessage(raw_event=raw, event_history_metadata={})
            if not event.is_result_event:
                return
            finished.append(event)
            seconds = raw["data"].get("execution_time", 0.0)
            if seconds >= WORTH_A_LINE_SECONDS:
                name = raw["data"]["node_info"]["node_name"]
                self.context.log.info(f"{name} in {seconds:.1f} s")

        return listen

    def _failure(self, exception: BaseException | None) -> str:
        broken = [
            f"{result.name} ({result.status})"
            for result in self.results
            if result.status in ("error", "fail", "runtime error")
        ]
        what = ", ".join(broken) or type(exception).__name__
        return f"dbt: {what}; {self.target / 'dbt.log'} says why"
