"""Everything that Dagster knows: what the files below `defs` define."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """The whole graph, from landing to acknowledgement."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
