"""Guards: figures that call for a decision of people, and hold nothing back."""

from typing import Any

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.lib.warehouse import connect


@dg.asset_check(asset=dg.AssetKey(["marts", "ltv_guard"]), pool="warehouse")
def customers_bring_more_than_they_cost(pipeline: Pipeline) -> dg.AssetCheckResult:
    """No member of the guard is below the margin; below cost it is an error.

    Not a test of dbt, whose errors end the run: that customers are dear is no reason to
    keep figures from those who must decide.
    """
    with connect(pipeline.settings.marts, read_only=True) as connection:
        dear = connection.execute(
            """
            select dimension, member, verdict, ltv_to_cac
            from ltv_guard
            where verdict in ('below_cac', 'below_margin')
            order by dimension, member
            """
        ).fetchall()
    metadata: dict[str, Any] = {
        f"{dimension} {member}": f"{verdict}: brings {ltv_to_cac:.2f} times its cost"
        for dimension, member, verdict, ltv_to_cac in dear
    }
    is_error = any(verdict == "below_cac" for _, _, verdict, _ in dear)
    return dg.AssetCheckResult(
        passed=not dear,
        severity=(
            dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN
        ),
        metadata=metadata,
    )
