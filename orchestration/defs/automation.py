"""The job, when it runs by itself, and what starts it."""

import hashlib
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.components.progress import progress_logger
from orchestration.components.scope import run_selection
from orchestration.lib.landing.landing_place import delivered_files
from orchestration.settings import load_settings

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    description="Everything, from landing to acknowledgement.",
)


@dg.schedule(
    job=daily,
    cron_schedule="0 5 * * *",
    execution_timezone=load_settings().business_timezone,
)
def every_morning(
    context: dg.ScheduleEvaluationContext, pipeline: Pipeline
) -> dg.RunRequest:
    """Each day at five, with the day of the tick as the logical today."""
    zone = ZoneInfo(load_settings().business_timezone)
    as_of = context.scheduled_execution_time.astimezone(zone).date().isoformat()
    return dg.RunRequest(
        run_key=as_of,
        run_config=run_config(as_of=as_of),
        asset_selection=_selection(context, pipeline),
    )


@dg.sensor(job=daily, minimum_interval_seconds=30)
def new_deliveries(
    context: dg.SensorEvaluationContext, pipeline: Pipeline
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """A run when files have come to the landing folder and stopped changing."""
    place = pipeline.landing_place
    paths = sorted({file.path for file in delivered_files(place)})
    stats = [(path.relative_to(place), path.stat()) for path in paths]
    found = hashlib.sha256(
        "|".join(
            f"{name}:{stat.st_size}:{stat.st_mtime_ns}" for name, stat in stats
        ).encode()
    ).hexdigest()
    # The cursor holds what the last tick saw and what the last run was started for.
    seen, _, started = (context.cursor or "").partition("/")
    context.update_cursor(f"{found}/{started}")
    if not paths or found == started:
        yield dg.SkipReason("nothing new in the landing folder")
    elif found != seen:
        yield dg.SkipReason("files are still arriving")
    else:
        context.update_cursor(f"{found}/{found}")
        yield dg.RunRequest(
            run_key=found, asset_selection=_selection(context, pipeline)
        )


def _selection(
    context: dg.ScheduleEvaluationContext | dg.SensorEvaluationContext,
    pipeline: Pipeline,
) -> list[dg.AssetKey]:
    assert context.repository_def is not None, "evaluated outside of a code location"
    graph = context.repository_def.asset_graph
    return run_selection(pipeline, graph.executable_asset_keys)


@dg.definitions
def automation() -> dg.Definitions:
    """The job with what starts it, and what a terminal shows of it."""
    return dg.Definitions(
        jobs=[daily],
        schedules=[every_morning],
        sensors=[new_deliveries],
        loggers={"console": progress_logger},
        # DuckDB files have one writer: one step after the other, whoever starts it.
        executor=dg.in_process_executor,
    )


def run_config(*, landing: str = "", as_of: str = "") -> dict[str, object]:
    """The run configuration of a launch with these parameters."""
    return {
        "loggers": {"console": {}},
        "resources": {"pipeline": {"config": {"landing": landing, "as_of": as_of}}},
    }
