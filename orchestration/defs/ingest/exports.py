"""Raw exports: one asset each, from the contracts beside the staging models."""

import dagster as dg

from orchestration.components.fetched_place import asset_key, feeding
from orchestration.components.landed_export import landed_export
from orchestration.components.pipeline import contracts
from orchestration.settings import load_settings


@dg.definitions
def exports() -> dg.Definitions:
    """All exports of the project, after the places that they may come from."""
    places = list(load_settings().places.values())
    sources = {each.source for each in contracts()}
    return dg.Definitions(
        assets=[
            landed_export(
                each,
                places=[asset_key(place) for place in feeding(each, places, sources)],
            )
            for each in contracts()
        ]
    )
