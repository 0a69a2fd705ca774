"""Published marts: what analysts and BI tools read."""

from typing import Any

import dagster as dg

from orchestration.components import gate
from orchestration.components.pipeline import Pipeline
from orchestration.dbt import mart_nodes
from orchestration.defs.transform.models import project
from orchestration.lib.publish.marts import Mart, publish

_MARTS = mart_nodes(project.manifest_path)


@dg.asset(
    key=["published", "marts"],
    deps=[
        *(dg.AssetKey(["marts", node["name"]]) for node in _MARTS),
        dg.AssetKey(["experiments", "results"]),
    ],
    group_name="published",
    kinds={"duckdb", "parquet"},
    owners=["team:analytics"],
    pool="warehouse",
)
def published_marts(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> dg.MaterializeResult[Any]:
    """One read-only copy of all marts per audience: private, masked, Parquet."""
    settings = pipeline.settings
    gate.assert_open(gate.problems(settings))
    counts = publish(
        marts_file=settings.marts,
        warehouse_file=settings.warehouse,
        published=settings.published,
        version=context.run_id,
        marts=[_mart(node) for node in _MARTS],
    )
    return dg.MaterializeResult(
        metadata={"rows": counts, "folder": str(settings.published / "current")}
    )


def _mart(node: dict[str, Any]) -> Mart:
    columns = node["columns"].values()
    return Mart(
        name=node["name"],
        description=" ".join(node["description"].split()),
        key=tuple(node["key"]),
        columns={
            column["name"]: " ".join(column["description"].split())
            for column in columns
        },
        pii={
            column["name"]: column["config"].get("meta", {}).get("pii")
            for column in columns
        },
    )
