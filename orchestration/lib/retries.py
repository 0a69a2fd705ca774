"""Trying again what may pass, and how long to wait before."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

import stamina

MOST_PATIENCE_SECONDS = 60.0
_Result = TypeVar("_Result")


class Failed(RuntimeError):
    """Something did not work; the message says why and what to do.

    Args:
        may_pass: whether the next attempt may succeed with nothing mended.
        after: seconds that whoever was asked wants us to wait before it.
    """

    def __init__(
        self, reason: str, *, may_pass: bool = False, after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.may_pass, self.after = may_pass, after


def patiently(action: Callable[[], _Result], *, attempts: int) -> _Result:
    """What an action returns, tried again while its failure may pass.

    Raises:
        Failed: as the last attempt did; other errors at once.
    """
    # Its hooks would log arguments and errors, which may hold addresses and secrets,
    # and write into what a command prints.
    stamina.instrumentation.set_on_retry_hooks([])
    for attempt in stamina.retry_context(
        on=_wait,
        attempts=attempts,
        timeout=None,
        wait_initial=0.2,
        wait_jitter=0.5,
        wait_max=MOST_PATIENCE_SECONDS,
    ):
        with attempt:
            return action()
    raise AssertionError("retry_context returns or raises")


def _wait(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds."""
    if not isinstance(error, Failed) or not error.may_pass:
        return False
    return True if error.after is None else error.after


def retry_after(header: str) -> float | None:
    """The seconds that a `Retry-After` header asks for, or None where it says nothing.

    At most `MOST_PATIENCE_SECONDS`: a run does not wait for hours.
    """
    if header.isdigit():
        return min(float(header), MOST_PATIENCE_SECONDS)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    seconds: float = (at - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), MOST_PATIENCE_SECONDS)
