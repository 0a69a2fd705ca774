"""The gate before everything that leaves: publishing and sending.

Asked of the data, not of the orchestrator: Dagster runs a Python asset although a
dbt test above it failed (dagster issue 18472), and anybody may launch a single asset.
"""

import dagster as dg

from orchestration.components import fetched_place
from orchestration.components.landed_export import stage_name
from orchestration.components.scope import delivered_exports
from orchestration.components.stages import (
    BUILD,
    DECLARE,
    EXPERIMENTS,
    FORECAST,
    IDENTITY,
    PREPARE,
    RECONCILE,
)
from orchestration.lib.runs import open_problems
from orchestration.lib.warehouse import connect
from orchestration.settings import Settings


def problems(settings: Settings) -> list[str]:
    """Why nothing may be published now; empty when it may."""
    required = [stage_name(each) for each in delivered_exports(settings)]
    required += [RECONCILE, PREPARE, IDENTITY, FORECAST, DECLARE, BUILD]
    with connect(settings.warehouse) as connection:
        # Whatever follows a build that did not pass is not worth a word.
        return open_problems(connection, required, last=BUILD) or open_problems(
            connection, [BUILD, EXPERIMENTS], last=EXPERIMENTS
        )


def sending_problems(settings: Settings) -> list[str]:
    """Why nothing may be sent now; empty when it may.

    Beside what keeps from publishing: a place that may hold opt-outs and was not
    fetched. Figures may be of yesterday, a list of whom to write to may not.
    """
    required = [
        fetched_place.stage_name(place)
        for place in settings.places.values()
        if place.carries_consent
    ]
    with connect(settings.warehouse) as connection:
        unfetched = open_problems(connection, required, last=BUILD)
    return [
        *problems(settings),
        *(f"opt-outs may be missing: {problem}" for problem in unfetched),
    ]


def assert_open(problems: list[str]) -> None:
    """Fail the asset, without a retry, when something keeps the gate closed."""
    if problems:
        raise dg.Failure(
            description=f"nothing leaves: {'; '.join(problems)}", allow_retries=False
        )
