"""Requests that become a job at the vendor, whose end is waited for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from orchestration.lib.activation.destinations.base import InDoubt, Options

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class JobOptions(Options):
    """How often a job is asked for its end, and how many times in one run."""

    poll_seconds: float = 5.0
    most_polls: int = 120


def wait_for(ask: Callable[[], T | None], options: JobOptions) -> T:
    """What came of a job, asked again until it has ended.

    Args:
        ask: None while the job goes on.

    Raises:
        InDoubt: it has not ended after `most_polls`; the next run asks it again.
    """
    for poll in range(options.most_polls):
        if poll:
            time.sleep(options.poll_seconds)
        ended = ask()
        if ended is not None:
            return ended
    raise InDoubt(f"its job goes on after {options.most_polls} polls")
