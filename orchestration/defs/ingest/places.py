"""Places that exports are fetched from: one asset each, as configured."""

import dagster as dg

from orchestration.components.fetched_place import fetched_place
from orchestration.settings import load_settings


@dg.definitions
def places() -> dg.Definitions:
    """All places of the configuration."""
    return dg.Definitions.merge(
        *(fetched_place(each) for each in load_settings().places.values())
    )
