"""Runs of the engine that are killed, each at another write or word to its destination.

    python -m tests.destinations.dying HOME URL

A write is a commit, or a statement that commits itself; there is a place to die before
and after each. For every place there is an audience of its own, named after it, and a
run in a process of its own that is killed there, then one that lives; with `later`, one
that lives before. Prints how many places there were.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas  # noqa: F401 - DuckDB imports it when it binds a value: once, not in each

from orchestration.lib.activation.apply import apply_plan, settle_jobs
from orchestration.lib.activation.destinations.base import Answers, Batch
from orchestration.lib.activation.destinations.webhook import (
    WebhookDestination,
    WebhookOptions,
)
from orchestration.lib.activation.plan import write_plan
from orchestration.lib.activation.state import opened
from tests.destinations.conftest import AS_OF, sync_of

WRITES = ("insert", "update", "delete")


class Countdown:
    """Ends the process by SIGKILL when it was asked as often as `left` says."""

    def __init__(self, left: int) -> None:
        self._left = left

    def step(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


class DyingConnection:
    """A connection to the state with places to die."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, steps: Countdown) -> None:
        self._connection, self._steps = connection, steps
        self._is_open = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def begin(self) -> None:
        self._connection.begin()
        self._is_open = True

    def commit(self) -> None:
        self._steps.step()
        self._connection.commit()
        self._is_open = False
        self._steps.step()

    def execute(self, statement: str, *parameters: Any) -> Any:
        is_write = statement.split(maxsplit=1)[0] in WRITES and not self._is_open
        if is_write:
            self._steps.step()
        result = self._connection.execute(statement, *parameters)
        if is_write:
            self._steps.step()
        return result


class DyingWebhook(WebhookDestination):
    """A destination; before and after each request is a place to die."""

    steps: Countdown

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        self.steps.step()
        answers = super().send(batch, remember_job)
        self.steps.step()
        return answers


def run(marts: Path, state: Path, url: str, audience: str, place: int = 0) -> None:
    """One run, which dies at this place unless it is 0 or there are fewer."""
    sync = sync_of(audience)
    destination = DyingWebhook("crm", WebhookOptions(url=url, attempts=1), {}, Path())
    destination.steps = steps = Countdown(place)
    with opened(state, marts) as connection:
        dying: Any = DyingConnection(connection, steps)
        settle_jobs(dying, sync, destination)
        plan = write_plan(dying, sync, AS_OF)
        apply_plan(dying, sync, plan.plan_id, destination)


def status_of(*arguments: Any) -> int:
    """The status that a process ends with that does this run."""
    child = os.fork()
    if not child:
        run(*arguments)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main(home: Path, url: str) -> None:
    """Die once at every place."""
    places = []
    for start in ("anew", "later"):
        place, status = 0, -signal.SIGKILL
        while status == -signal.SIGKILL:
            place += 1
            audience = f"{start}{place}"
            state = home / audience / "activation.duckdb"
            state.parent.mkdir()
            if start == "later":
                assert not status_of(home / "before.duckdb", state, url, audience)
            marts = home / "marts.duckdb"
            status = status_of(marts, state, url, audience, place)
            assert not status_of(marts, state, url, audience), place
        assert not status, place
        places.append(place)
    print(*places)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
