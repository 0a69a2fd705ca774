"""Raw exports: one asset each, from the contracts beside the staging models."""

import dagster as dg

from orchestration.components.landed_export import landed_export
from orchestration.components.pipeline import contracts


@dg.definitions
def exports() -> dg.Definitions:
    """All exports of the project."""
    return dg.Definitions(assets=[landed_export(each) for each in contracts()])
