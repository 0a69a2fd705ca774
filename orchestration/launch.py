"""Launching the daily job from a terminal, with progress and clear failures."""

import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from orchestration.lib.identity import stable_ids
from orchestration.lib.publish import history
from orchestration.lib.warehouse import WarehouseUnreadable, connect
from orchestration.settings import Settings

#: Runs of the UI and of the terminal share one instance; nothing is reported home.
_INSTANCE = """\
telemetry:
  enabled: false
nux:
  enabled: false
run_queue:
  max_concurrent_runs: 1
freshness:
  enabled: true
event_log_storage:
  module: orchestration.event_log
  class: KeptOpenEventLog
  config: {}
"""


def prepare_environment(settings: Settings) -> None:
    """Create Dagster's home, point the environment at it, and switch off telemetry."""
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    configuration = settings.dagster_home / "dagster.yaml"
    if not configuration.exists():
        configuration.write_text(_INSTANCE, encoding="utf-8")
    os.environ["CRM360_HOME"] = str(settings.home)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")


def launch(settings: Settings, *, landing: Path, as_of: date) -> list[str]:
    """Run the job in this process; returns a line per failed step, none if all well.

    Progress goes to standard error, with what came of telling the alerts.
    """
    prepare_environment(settings)
    import dagster as dg

    from orchestration.components.alerts import report
    from orchestration.components.pipeline import Pipeline
    from orchestration.components.scope import run_selection
    from orchestration.definitions import defs
    from orchestration.defs.automation import run_config

    with dg.DagsterInstance.get() as instance:
        job = defs().resolve_job_def("daily")
        result = job.execute_in_process(
            instance=instance,
            run_config=run_config(landing=str(landing), as_of=as_of.isoformat()),
            asset_selection=run_selection(
                Pipeline(landing=str(landing)), job.asset_layer.executable_asset_keys
            ),
            raise_on_error=False,
        )
        for outcome in report(settings, instance, result.run_id):
            print(f"  {outcome.text}", file=sys.stderr)  # noqa: T201
    if result.success:
        return []
    return [_failure(event) for event in result.all_events if event.is_step_failure]


def set_aside_warehouse(settings: Settings) -> None:
    """Move the warehouse out of the way, so that the next run builds it from raw.

    Customer ids with their history, and what was published, go over to the new one
    where the old can be read.
    """
    if not settings.warehouse.exists():
        return
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    old = settings.warehouse.with_name(f"{settings.warehouse.name}.{stamp}")
    settings.warehouse.rename(old)
    wal = settings.warehouse.with_name(f"{settings.warehouse.name}.wal")
    if wal.exists():
        wal.rename(old.with_name(f"{old.name}.wal"))
    try:
        with connect(old):
            pass
    except WarehouseUnreadable:
        return
    with connect(settings.warehouse) as connection:
        stable_ids.carry_over(connection, old)
        history.carry_over(connection, old)
    old.unlink()


def _failure(event: Any) -> str:  # noqa: ANN401 - a Dagster step failure
    """The step and the innermost reason, without the traceback."""
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    message = error.message.strip() if error else "failed"
    return f"{event.step_key.replace('__', '/')}: {message}"
