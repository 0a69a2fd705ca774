"""What an alert is told: one message for all that changed."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.lib.alerts.memory import OK, Change


@dataclass(frozen=True, kw_only=True)
class Message:
    """A message, for people and for programs."""

    #: The same whenever the same is told again.
    key: str
    title: str
    text: str
    changes: Sequence[dict[str, Any]] = ()


def message_of(alert: str, changes: Sequence[Change], zone: ZoneInfo) -> Message:
    """The message with these changes, in their order."""
    counts = Counter(
        "recovered" if each.state == OK else each.state for each in changes
    )
    told = ", ".join(f"{count} {state}" for state, count in counts.items())
    documents = [json.loads(json.dumps(asdict(each), default=_iso)) for each in changes]
    digest = hashlib.sha256(json.dumps([alert, documents]).encode())
    return Message(
        key=f"alert_{digest.hexdigest()[:24]}",
        title=f"crm360: {told}",
        text="\n\n".join(_paragraph(each, zone) for each in changes),
        changes=documents,
    )


def shown(at: datetime, zone: ZoneInfo) -> str:
    """A time in UTC as people of a time zone read it."""
    return f"{at.replace(tzinfo=UTC).astimezone(zone):%Y-%m-%d %H:%M %Z}"


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _paragraph(change: Change, zone: ZoneInfo) -> str:
    first = f"{change.subject}: {change.before} → {change.state}"
    first += f", since {shown(change.since, zone)}"
    if change.before_since:
        first += f" ({change.before} since {shown(change.before_since, zone)})"
    return "\n  ".join(filter(None, (first, change.reason, change.remedy)))
