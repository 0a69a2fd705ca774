"""What was published before, for the second half of the dbt project (decision 0017)."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.metrics import metric_names
from orchestration.components.pipeline import Pipeline
from orchestration.lib.publish.history import create_tables
from orchestration.lib.warehouse import connect

_DESCRIPTIONS = {
    "metrics": "One row per metric, as defined when figures were last published.",
    "figures": "One row per dimension, member and ended period, as last published.",
    "orders": "One row per order, as it stood behind the figures last published.",
    "restatements": "One row per restatement of earlier runs and figure.",
    "restatement_orders": "One row per such restatement, order and version of it.",
}


@dg.multi_asset(
    name="kpi_history",
    specs=[
        dg.AssetSpec(
            ["kpi_history", name],
            description=description,
            group_name="published",
            kinds={"duckdb"},
            owners=["team:analytics"],
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    pool="warehouse",
)
def kpi_history(pipeline: Pipeline) -> Iterator[dg.MaterializeResult[Any]]:
    """The tables, ready to be read; published/marts fills them for the next run."""
    with connect(pipeline.settings.warehouse) as connection:
        create_tables(connection, metric_names())
        counts = dict(
            connection.execute(
                "select table_name, estimated_size from duckdb_tables()"
                " where schema_name = 'kpi_history'"
            ).fetchall()
        )
    for name in _DESCRIPTIONS:
        yield dg.MaterializeResult(
            asset_key=["kpi_history", name], metadata={"rows": counts[name]}
        )
