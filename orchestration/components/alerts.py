"""Telling the alerts of the configuration what a run changed."""

import fnmatch
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb

from orchestration.components.observations import observations
from orchestration.lib.alerts import memory, sending
from orchestration.lib.alerts.memory import Change
from orchestration.lib.alerts.message import Message, message_of
from orchestration.lib.alerts.sending import NotDelivered
from orchestration.lib.retries import patiently
from orchestration.lib.warehouse import WarehouseBusy, WarehouseUnreadable
from orchestration.settings import (
    ALERT_KINDS,
    ALERT_STATES,
    AlertSettings,
    EmailAlertSettings,
    Settings,
    WebhookAlertSettings,
)


@dataclass(frozen=True)
class Outcome:
    """What came of telling one alert."""

    text: str
    is_delivered: bool = True


def report(
    settings: Settings, instance: dg.DagsterInstance, run_id: str
) -> list[Outcome]:
    """Tell every alert what a run that has ended changed, and what was not told before.

    Reporting a run again, or after a later one, changes nothing.
    """
    record = instance.get_run_record_by_id(run_id)
    if not settings.alerts or record is None or record.end_time is None:
        return []
    ended_at = datetime.fromtimestamp(record.end_time, UTC).replace(tzinfo=None)
    seen = observations(instance, record.dagster_run)
    outcomes = []
    try:
        with memory.opened(settings.told) as connection:
            memory.observe(connection, seen, ended_at)
            for alert in settings.alerts.values():
                new = _concerning(alert, memory.changes(connection, alert.name))
                if new:
                    outcomes.append(_tell(settings, connection, alert, new))
    except (WarehouseBusy, WarehouseUnreadable) as error:
        problem = f"alerts: not told, the next run tells them: {error}"
        outcomes.append(Outcome(problem, is_delivered=False))
    return outcomes


def send(alert: AlertSettings, message: Message) -> str:
    """Send a message to an alert; what was answered.

    Raises:
        NotDelivered: it was not accepted, or a secret is missing.
    """
    match alert:
        case WebhookAlertSettings():
            url = _secret(alert.url_env)
            secret = _secret(alert.secret_env) if alert.secret_env else None
            return patiently(
                lambda: sending.post(message, url=url, secret=secret),
                attempts=sending.ATTEMPTS,
            )
        case EmailAlertSettings():
            login = (
                (_secret(alert.user_env), _secret(alert.password_env))
                if alert.user_env
                else None
            )
            return patiently(
                lambda: sending.mail(
                    message,
                    host=alert.host,
                    port=alert.port,
                    starttls=alert.starttls,
                    login=login,
                    sender=alert.sender,
                    to=alert.to,
                    at=datetime.now(UTC),
                ),
                attempts=sending.ATTEMPTS,
            )
    raise AssertionError(f"{alert.type} is no type of alerts")


def _concerning(alert: AlertSettings, found: Sequence[Change]) -> list[Change]:
    """The changes that an alert is to be told, the worst and the widest first."""
    rank, kind = ALERT_STATES.index, ALERT_KINDS.index
    return sorted(
        (
            each
            for each in found
            if max(rank(each.before), rank(each.state)) >= rank(alert.least_state)
            and any(
                fnmatch.fnmatchcase(each.subject, pattern)
                for about in alert.about
                for pattern in (about, f"{about}/*")
            )
        ),
        key=lambda each: (-rank(each.state), kind(each.subject.split("/")[0])),
    )


def _tell(
    settings: Settings,
    connection: duckdb.DuckDBPyConnection,
    alert: AlertSettings,
    new: Sequence[Change],
) -> Outcome:
    zone = ZoneInfo(settings.business_timezone)
    try:
        answer = send(alert, message_of(alert.name, new, zone))
    except NotDelivered as error:
        problem = f"alert {alert.name}: not delivered, the next run tells it ({error})"
        return Outcome(problem, is_delivered=False)
    now = datetime.now(UTC).replace(tzinfo=None)
    memory.note_told(connection, alert.name, new, now)
    return Outcome(f"alert {alert.name}: told what changed, {answer}")


def _secret(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise NotDelivered(f"the environment variable {variable} is not set")
    return value
