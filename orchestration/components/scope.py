"""What a run is about: of the exports that crm360 knows, those that a company has.

The assets and hundreds of checks of the others would cost more than a small company's
data, to say nothing in green.
"""

from collections.abc import Iterable

import dagster as dg

from orchestration.components.fetched_place import feeding
from orchestration.components.pipeline import Pipeline, contracts
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.lander import was_delivered
from orchestration.settings import Settings


def delivered_exports(settings: Settings) -> list[ExportContract]:
    """Exports of which some file was ever seen."""
    return [each for each in contracts() if was_delivered(each, settings.raw)]


def run_selection(
    pipeline: Pipeline, assets: Iterable[dg.AssetKey]
) -> list[dg.AssetKey]:
    """The assets that a run has work for: all but exports that were never delivered.

    Args:
        assets: all that can be run.
    """
    files, _ = pipeline.claimed_files()
    places = list(pipeline.settings.places.values())
    sources = {each.source for each in contracts()}
    idle = {
        dg.AssetKey([each.source, each.export])
        for each in contracts()
        if not files[each.key]
        and not was_delivered(each, pipeline.settings.raw)
        and not feeding(each, places, sources)
    }
    return sorted(set(assets) - idle)
