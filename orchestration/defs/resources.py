"""Resources of all assets."""

import os

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.settings import load_settings


@dg.definitions
def resources() -> dg.Definitions:
    """The pipeline's parameters."""
    # dbt's profile reads the state folder from the environment.
    os.environ["CRM360_HOME"] = str(load_settings().home)
    return dg.Definitions(resources={"pipeline": Pipeline()})
