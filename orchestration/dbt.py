"""The dbt project as Dagster sees it: where it is, its variables, its translation."""

import fcntl
import json
import os
import sys
from collections.abc import Mapping
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
    """The project with a manifest that is newer than everything it was made from.

    Puts this environment's `dbt` first on the path, whether or not it is activated.
    """
    binaries = str(Path(sys.executable).parent)
    if binaries not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((binaries, os.environ["PATH"]))
    manifest = dbt_project.manifest_path
    sources = [
        path
        for folder in (MODELS, SEEDS, MACROS, DBT_FOLDER / "data-tests")
        for path in folder.rglob("*")
        if path.is_file()
    ] + [DBT_FOLDER / "dbt_project.yml", DBT_FOLDER / "profiles.yml"]
    newest = max(path.stat().st_mtime for path in sources)
    manifest.parent.mkdir(exist_ok=True)
    with (manifest.parent / ".preparing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time writes the manifest
        if not manifest.exists() or manifest.stat().st_mtime < newest:
            dbt_project.preparer.prepare(dbt_project)
    return dbt_project


def dbt_variables(settings: Settings, run: RunParameters) -> dict[str, Any]:
    """The variables that a run sets; the others keep the project's defaults."""
    return {
        "as_of_date": run.as_of.isoformat(),
        "base_currency": run.base_currency,
        "business_timezone": settings.business_timezone,
        "fx_max_age_days": FX_MAX_AGE_DAYS,
    }


def mart_nodes(manifest: Path) -> list[dict[str, Any]]:
    """The marts of the manifest, by name, each with the columns of its `key` test."""
    nodes = json.loads(manifest.read_text(encoding="utf-8"))["nodes"].values()
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
