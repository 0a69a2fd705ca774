"""What every destination offers the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Outcome = Literal["acknowledged", "rejected"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One member in a request; `fields` is None when it is to be removed."""

    operation: Literal["add", "change", "remove"]
    customer_id: str
    key_hash: str
    payload_hash: str | None
    fields: dict[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One request. Sent again with the same key, it must have no second effect."""

    audience: str
    idempotency_key: str
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the destination said of one member."""

    outcome: Outcome
    error_code: str | None = None


class DestinationUnavailable(RuntimeError):
    """No answer, or none that can be trusted: what was sent is in doubt."""


class Destination(Protocol):
    """A place that holds an audience, told of changes in batches.

    Adding a member that is there, and removing one that is not, must succeed: after a
    crash the engine repeats what was not answered.
    """

    #: Members per request.
    batch_rows: int

    def send(self, batch: Batch) -> dict[str, Answer]:
        """Apply a batch; answers by key hash, one for every row that was answered.

        Raises:
            DestinationUnavailable: the outcome of the whole batch is unknown.
        """

    def settle(self, audience: str, fields: Sequence[str], rows: Sequence[Row]) -> None:
        """Show the members that the destination now holds, where it shows any."""
