"""What a destination is to the engine: what it can do, and how it is told of changes.

There are two kinds. A `Destination` is told of changes in batches and answers member
by member. A `SnapshotDestination` is given a file with all members whenever something
changed. A new one is a class with `options_type` (what `crm360.toml` may say of it),
`capabilities` (what it can do, without asking it) and `send` or `put`; the suite of
tests/destinations/conformance.py then holds for it.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, TypeVar

Operation = Literal["add", "change", "update", "remove"]
Outcome = Literal["acknowledged", "rejected", "absent"]
Feedback = Literal["unsubscribed", "bounced", "complained", "invalid"]
Mode = Literal["mirror", "upsert", "update", "create", "append"]
#: How it is found out what came of a request that was never answered.
InDoubtBy = Literal["state", "key", "job", "none"]
#: Kinds of values that a field may take.
Kind = Literal["text", "number", "boolean", "date", "timestamp"]

MODES: tuple[Mode, ...] = ("mirror", "upsert", "update", "create", "append")


@dataclass(frozen=True, kw_only=True)
class Rate:
    """At most so many requests in so many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What a destination can do; known without asking it."""

    #: How a member is named there: SQL in which `{name}` stands for a mapped field and
    #: `{customer_id}` for the customer. Never a contact in clear: it is kept.
    key: str = "{customer_id}"
    #: `state`: repeating a request changes nothing, so it is repeated. `key`: requests
    #: carry keys that the destination remembers. `job`: it is asked about its job.
    #: `none`: nothing can be known, so that nobody is written to twice by a guess.
    in_doubt_by: InDoubtBy
    modes: tuple[Mode, ...] = ("mirror", "upsert", "create")
    can_remove: bool = True
    #: Whether a field can be emptied; else a null is never sent.
    can_clear: bool = True
    #: Limits of one request, and of requests.
    batch_rows: int = 500
    batch_bytes: int | None = None
    rates: tuple[Rate, ...] = ()
    #: Requests that may be on their way at once; `send` is called in threads then.
    parallel: int = 1
    #: Fields that every member must have there.
    required: tuple[str, ...] = ()
    #: SQL per field with `{value}` for what is mapped to it: normalisation and hashing.
    transforms: Mapping[str, str] = field(default_factory=dict)
    #: Fewer members are refused there.
    least_members: int = 0

    def least_seconds(self, requests: int) -> float:
        """How long so many requests take at the least, by the rates."""
        return max(
            (
                max(0, requests - rate.requests) * rate.seconds / rate.requests
                for rate in self.rates
            ),
            default=0.0,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One member in a request.

    `add` and `change` mean that the member is there with these fields afterwards,
    whether or not they were before; `update` that they are changed only if they are
    there; `remove` that they are not there, and `fields` is None.
    """

    operation: Operation
    customer_id: str
    #: The member as the destination knows them, after `Capabilities.key`.
    remote_key: str
    fields: dict[str, Any] | None
    #: The same whenever the same effect on the same member is asked for again.
    idempotency_key: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """One request; its key is made of the keys of its rows."""

    audience: str
    mode: Mode
    idempotency_key: str
    rows: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the destination said of one member.

    `absent`: an update of a member who is not there, which changed nothing.
    """

    outcome: Outcome
    error_code: str | None = None
    #: What it knows of the contact that forbids to write to it, whoever asks.
    feedback: Feedback | None = None


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """A contact that may not be written to any more, as the destination says itself."""

    contact: str
    reason: Feedback
    #: Since when, in UTC without a zone: a newer consent overrules it.
    at: datetime
    channel: str = "email"


ACKNOWLEDGED = Answer(outcome="acknowledged")

Answers = dict[str, Answer]
"""By `Row.remote_key`; a member who is missing was not answered."""


class InDoubt(RuntimeError):
    """No answer, or none that can be trusted: the batch may have had its effect."""


class NotSent(RuntimeError):
    """The destination surely did nothing, and would do nothing for another batch."""


class BatchRefused(RuntimeError):
    """The destination surely did nothing, because of something that is in the batch.

    Args:
        code: the destination's own, never a text with values.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `[destinations.<name>]` may say beside `type`; keys in `_env` are secrets.

    A field that ends in `_env` names an environment variable; its value reaches the
    destination in `secrets` under the field's name.
    """

    timeout_seconds: float = 10.0
    attempts: int = 4


OptionsT = TypeVar("OptionsT", bound=Options)


class _Configured(ABC, Generic[OptionsT]):
    """What both kinds have in common."""

    #: The dataclass that the keys of the configuration are read into.
    options_type: ClassVar[type[Options]]

    def __init__(
        self, name: str, options: OptionsT, secrets: Mapping[str, str], home: Path
    ) -> None:
        """Nothing is connected to yet.

        Args:
            name: of the destination, as configured.
            secrets: values of the `_env` options that are set, by option.
            home: where relative folders of the options begin.
        """
        self.name, self.options, self.secrets, self.home = name, options, secrets, home
        self.prepare()

    def prepare(self) -> None:
        """Make what calls will need, such as a client; connect to nothing."""

    @classmethod
    @abstractmethod
    def capabilities(cls, options: OptionsT) -> Capabilities:
        """What a destination of these options can do.

        Raises:
            ValueError: the options contradict each other.
        """

    def fields(self) -> Mapping[str, Kind] | None:
        """The fields that the destination has, or None where it takes any.

        Raises:
            NotSent: it cannot be asked.
        """
        return None

    def close(self) -> None:
        """End the connections."""


class Destination(_Configured[OptionsT]):
    """A place that is told of changes in batches, and answers for each member."""

    @abstractmethod
    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Apply a batch.

        Args:
            remember_job: to be called with the id of an asynchronous job as soon as it
                is known, before its end is waited for.

        Raises:
            InDoubt, NotSent, BatchRefused: as they say.
        """

    def recover(self, job: str, batch: Batch) -> Answers | None:
        """What came of a job that an earlier process began; None if nobody knows.

        The rows of the batch have no fields any more.
        """
        return None

    def withdrawals(self, since: datetime) -> Iterable[Withdrawal] | None:
        """Who unsubscribed, bounced or complained there since then.

        None where it has no way to say so.

        Args:
            since: in UTC without a zone.

        Raises:
            NotSent: it cannot be asked.
        """
        return None


class SnapshotDestination(_Configured[OptionsT]):
    """A place that is given all members at once, and holds what it was given last."""

    @property
    def file_format(self) -> str:
        """Of the file with one row per member: csv, jsonl or parquet."""
        return "csv"

    @abstractmethod
    def holds(self, audience: str) -> bool:
        """Whether it has the audience at all; what was lost is put again.

        Raises:
            NotSent: it cannot be asked.
        """

    @abstractmethod
    def put(self, audience: str, file: Path, members: int) -> None:
        """Replace the audience by the members in the file, all or nothing.

        Raises:
            InDoubt, NotSent: as they say.
        """
