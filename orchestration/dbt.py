"""The dbt project as Dagster sees it: where it is, its variables, its translation."""

import fcntl
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import (
    DagsterDbtTranslator,
    DagsterDbtTranslatorSettings,
    DbtProject,
)

from orchestration.lib.runs import RunParameters
from orchestration.settings import (
    DBT_FOLDER,
    FX_MAX_AGE_DAYS,
    MACROS,
    MODELS,
    SEEDS,
    Settings,
)

dbt_project = DbtProject(project_dir=DBT_FOLDER, profiles_dir=DBT_FOLDER)


def prepare_project() -> DbtProject:
    """The project with a manifest that is newer than everything it was made from."""
    manifest = dbt_project.manifest_path
    manifest.parent.mkdir(exist_ok=True)
    with (manifest.parent / ".preparing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time writes the manifest
        if not manifest.exists() or manifest.stat().st_mtime < _newest_source():
            _parse()
    return dbt_project


def parsed_manifest() -> Any:  # noqa: ANN401 - dbt's own manifest
    """The manifest as dbt keeps it in memory, parsed once for each state of the files.

    Models take their variables when they run, so that it serves all values of them.
    """
    return _parsed(_newest_source())


def invoke_dbt(
    arguments: Sequence[str],
    *,
    target: Path,
    manifest: Any = None,  # noqa: ANN401 - dbt's own manifest
    on_event: Callable[[dict[str, Any]], None] | None = None,
) -> Any:  # noqa: ANN401 - a dbtRunnerResult
    """Call dbt in this process; it leaves no file of DuckDB open.

    Args:
        arguments: command and options, as on its command line.
        target: where it writes its artifacts and its log, `dbt.log`.
        manifest: the parsed project, so that it is not parsed again.
        on_event: gets every event, as in dbt's JSON log; called from its threads.
    """
    # Takes seconds: only where dbt is called.
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner
    from google.protobuf.json_format import MessageToDict

    callbacks = []
    if on_event is not None:
        callbacks.append(
            lambda event: on_event(
                MessageToDict(event, preserving_proto_field_name=True)
            )
        )
    folders = {
        "--project-dir": DBT_FOLDER,
        "--profiles-dir": DBT_FOLDER,
        "--target-path": target,
        "--log-path": target,
    }
    try:
        return dbtRunner(manifest=manifest, callbacks=callbacks).invoke(
            [
                *arguments,
                *(str(part) for option in folders.items() for part in option),
                # What the database says may quote a value of a delivered row.
                *("--log-level", "none", "--log-level-file", "info"),
            ]
        )
    finally:
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]


@cache
def _parsed(newest: float) -> Any:  # noqa: ANN401 - dbt's own manifest
    return _parse()


def _parse() -> Any:  # noqa: ANN401 - dbt's own manifest
    result = invoke_dbt(["parse"], target=dbt_project.manifest_path.parent)
    if not result.success:
        raise result.exception
    return result.result


def _newest_source() -> float:
    """When any file that the manifest is made from was last changed."""
    folders = (MODELS, SEEDS, MACROS, DBT_FOLDER / "data-tests")
    files = [path for folder in folders for path in folder.rglob("*")]
    files += [DBT_FOLDER / "dbt_project.yml", DBT_FOLDER / "profiles.yml"]
    return max(path.stat().st_mtime for path in files if path.is_file())


def dbt_variables(settings: Settings, run: RunParameters) -> dict[str, Any]:
    """The variables that a run sets; the others keep the project's defaults."""
    return {
        "as_of_date": run.as_of.isoformat(),
        "base_currency": run.base_currency,
        "business_timezone": settings.business_timezone,
        "fx_max_age_days": FX_MAX_AGE_DAYS,
    }


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest as dbt wrote it; megabytes of JSON, read once while it is the same.

    Callers share it, and change nothing in it.
    """
    return _read_manifest(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read_manifest(path: Path, changed_ns: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def mart_nodes(manifest: Path) -> list[dict[str, Any]]:
    """The marts of the manifest, by name, each with the columns of its `key` test."""
    nodes = read_manifest(manifest)["nodes"].values()
    keys = {
        node["attached_node"]: node["test_metadata"]["kwargs"]["columns"]
        for node in nodes
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "key"
    }
    marts = [
        {**node, "key": keys[node["unique_id"]]}
        for node in nodes
        if node["resource_type"] == "model" and _layer(node) == "marts"
    ]
    return sorted(marts, key=lambda node: node["name"])


def audience_nodes(manifest: Path) -> dict[str, dict[str, Any]]:
    """The marts that are audiences, by the audience's name."""
    return {
        node["name"].removeprefix("audience_"): node
        for node in mart_nodes(manifest)
        if "activation" in node["config"].get("meta", {})
    }


def accepted_values(manifest: Path, model: str, column: str) -> list[str]:
    """The values that a test of the manifest lets a column hold."""
    nodes = read_manifest(manifest)["nodes"].values()
    return next(
        list(node["test_metadata"]["kwargs"]["values"])
        for node in nodes
        if node["resource_type"] == "test"
        and (node.get("test_metadata") or {}).get("name") == "accepted_values"
        and node["attached_node"].endswith(f".{model}")
        and node["column_name"] == column
    )


class Translator(DagsterDbtTranslator):
    """Models are named after their layer: `marts/orders`, `staging/stg_...`."""

    def __init__(self) -> None:
        super().__init__(
            DagsterDbtTranslatorSettings(
                enable_code_references=True, enable_source_tests_as_checks=True
            )
        )

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """The default key, but for models the layer instead of the schema.

        The two differ for marts on DuckDB, where they are a database of their own.
        """
        if dbt_resource_props["resource_type"] == "model":
            return dg.AssetKey([_layer(dbt_resource_props), dbt_resource_props["name"]])
        return super().get_asset_key(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str:
        """The layer, or `reference` for seeds."""
        if dbt_resource_props["resource_type"] == "seed":
            return "reference"
        return _layer(dbt_resource_props)


def _layer(dbt_resource_props: Mapping[str, Any]) -> str:
    """First folder below `models`: `staging`, `intermediate` or `marts`."""
    return str(dbt_resource_props["fqn"][1])
