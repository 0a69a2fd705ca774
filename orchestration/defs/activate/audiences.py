"""Syncs: one asset for each audience and destination."""

import dagster as dg

from orchestration.components.audience_sync import audience_sync
from orchestration.components.syncs import syncs
from orchestration.settings import load_settings


@dg.definitions
def audiences() -> dg.Definitions:
    """All syncs of the configuration."""
    return dg.Definitions(
        assets=[audience_sync(each) for each in syncs(load_settings())]
    )
