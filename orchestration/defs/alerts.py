"""Sensors that tell alerts how runs of the UI, of schedules and of sensors ended.

A run of a terminal tells them itself: the daemon may not be there.
"""

import dagster as dg

from orchestration.components.alerts import report
from orchestration.settings import load_settings


def alerting_sensor(status: dg.DagsterRunStatus) -> dg.SensorDefinition:
    """A sensor of runs that ended so; its tick fails when an alert is not delivered."""

    @dg.run_status_sensor(
        run_status=status,
        name=f"alert_of_{status.value.lower()}",
        description="Tells the alerts of crm360.toml what a run changed.",
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def tell(context: dg.RunStatusSensorContext) -> None:
        outcomes = report(load_settings(), context.instance, context.dagster_run.run_id)
        for outcome in outcomes:
            context.log.info(outcome.text)
        problems = [each.text for each in outcomes if not each.is_delivered]
        if problems:
            raise dg.Failure("; ".join(problems))

    return tell


@dg.definitions
def alerts() -> dg.Definitions:
    """None without an alert: a sensor that looks at every run for nothing is noise."""
    ended = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE)
    is_used = bool(load_settings().alerts)
    return dg.Definitions(sensors=[alerting_sensor(each) for each in ended if is_used])
