"""Published marts: what analysts and BI tools read."""

from typing import Any

import dagster as dg

from orchestration.components import gate
from orchestration.components.metrics import metric_names
from orchestration.components.pipeline import Pipeline
from orchestration.components.stages import BUILD
from orchestration.dbt import mart_nodes
from orchestration.defs.transform.models import project
from orchestration.lib.publish.history import remember
from orchestration.lib.publish.marts import Mart, publish
from orchestration.lib.runs import day_of_stage
from orchestration.lib.warehouse import connect

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
    with connect(settings.warehouse) as connection:
        # Of the build: this asset may be launched by itself, on another day.
        as_of = day_of_stage(connection, BUILD)
        assert as_of is not None, "the gate lets nothing out that was never built"
        restated = remember(
            connection, settings.marts, metrics=metric_names(), as_of=as_of
        )
    return dg.MaterializeResult(
        metadata={
            "rows": counts,
            "folder": str(settings.published / "current"),
            "restated figures": restated,
        }
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
