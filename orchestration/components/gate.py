"""The gate before everything that leaves: publishing and sending.

Asked of the data, not of the orchestrator: Dagster runs a Python asset although a
dbt test above it failed (dagster issue 18472), and anybody may launch a single asset.
"""

import dagster as dg

from orchestration.components.landed_export import stage_name
from orchestration.components.pipeline import contracts
from orchestration.components.stages import BUILD, IDENTITY, PREPARE, RECONCILE
from orchestration.lib.runs import open_problems
from orchestration.lib.warehouse import connect
from orchestration.settings import Settings


def problems(settings: Settings) -> list[str]:
    """Why nothing may leave now; empty when it may."""
    required = [stage_name(each) for each in contracts()]
    required += [RECONCILE, PREPARE, IDENTITY, BUILD]
    with connect(settings.warehouse) as connection:
        return open_problems(connection, required, last=BUILD)


def assert_open(settings: Settings) -> None:
    """Fail the asset, without a retry, when the gate is closed."""
    if found := problems(settings):
        raise dg.Failure(
            description=f"nothing leaves: {'; '.join(found)}", allow_retries=False
        )
