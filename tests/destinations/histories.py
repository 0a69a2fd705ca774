"""Random histories of an audience: people come, change, withdraw and go; things fail.

A `History` takes steps and can be asked whether the promises hold: the destination ends
equal to what is wanted, no effect happens twice, and every request is in a plan.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from orchestration.lib.activation.apply import Applied, apply_plan, settle_jobs
from orchestration.lib.activation.destinations.base import Answers, Batch
from orchestration.lib.activation.plan import write_plan
from orchestration.lib.activation.state import Limits, opened
from orchestration.lib.sandbox.faults import EVERY, Faults
from orchestration.lib.sandbox.receiver import WebhookReceiver
from tests.destinations.conftest import AS_OF, World, webhook_to

#: For audiences that may do anything.
NO_LIMITS = Limits(
    least_members=0,
    most_added=99,
    most_changed=99,
    most_removed=99,
    most_withdrawn=99,
    is_first_send_held=False,
)

STEPS = ("add", "change", "leave", "withdraw", "consent", "poison", "heal", "run")


class Killed(BaseException):
    """Stands for the end of the process at this place."""


class History:
    """One audience, one receiver of it, and what happens to both."""

    def __init__(self, home: Path, server: str, faults: Faults, receiver: Any) -> None:
        self.world = World(home)
        self.world.sync_with(batch_rows=3, limits=NO_LIMITS)
        self.receiver: WebhookReceiver = receiver
        self._faults, self._url = faults, f"{server}/webhook/audiences"
        #: Consent by customer, and the first names of those in the audience.
        self.consents: dict[str, bool] = {}
        self.members: dict[str, str] = {}

    def take(self, step: str, chance: random.Random) -> None:
        """One step; one that makes no sense now does nothing."""
        getattr(self, f"_{step}")(chance)

    def settle(self) -> None:
        """All faults are over, and runs go on until nothing is left to do."""
        self._faults.schedule, self._faults.rate = [], 0.0
        self.receiver.poison.clear()
        for _ in range(3):
            if self.run().problem is None:
                return
        raise AssertionError("three runs without faults do not end it")

    def check(self) -> None:
        """The promises, after `settle`."""
        wanted = {
            name: first for name, first in self.members.items() if self.consents[name]
        }
        there = self.receiver.members.get("winback", {})
        assert {name: each["first_name"] for name, each in there.items()} == wanted
        assert self.world.held() == set(wanted)
        assert max(self.receiver.effects.values(), default=0) <= 1
        asked = {
            (row["customer_id"], row["operation"])
            for _, _, document in self.receiver.requests
            for row in document["rows"]
        }
        planned = {
            (customer, "remove" if operation == "remove" else "upsert")
            for customer, operation in self.world.state(
                "select distinct customer_id, operation from plan_rows"
                " where operation <> 'left_out'"
            )
        }
        assert asked <= planned
        assert self.world.state(
            "select count(*) from attempts anti join plan_rows"
            " using (plan_id, remote_key, operation)"
        ) == [(0,)]

    def run(self, dies_after: int | None = None) -> Applied:
        """Plan and apply; the process may end after so many requests."""
        destination = webhook_to(self._url, timeout_seconds=5, attempts=2)
        send, left = destination.send, dies_after

        def dying(batch: Batch, remember_job: Callable[[str], None]) -> Answers:
            nonlocal left
            answers = send(batch, remember_job)
            if left is not None:
                left -= 1
                if left < 0:
                    raise Killed
            return answers

        destination.send = dying  # type: ignore[method-assign]
        try:
            with opened(self.world.activation, self.world.marts) as connection:
                settle_jobs(connection, self.world.sync, destination)
                plan = write_plan(connection, self.world.sync, AS_OF)
                return apply_plan(
                    connection, self.world.sync, plan.plan_id, destination
                )
        finally:
            destination.close()

    # -- steps --------------------------------------------------------------------

    def _add(self, chance: random.Random) -> None:
        name = f"p{chance.randrange(12)}"
        if name in self.members:
            return
        if name in self.consents:
            self.world.execute(
                "insert into audience_winback"
                " values ($1, $1 || '@mail.ru', $1, 'send')",
                [name],
            )
        else:
            self.consents[name] = chance.random() < 0.8
            self.world.add(name, consent=self.consents[name])
        self.members[name] = name

    def _change(self, chance: random.Random) -> None:
        if name := self._anybody(chance):
            self.members[name] = f"name {chance.randrange(3)}"
            self.world.execute(
                "update audience_winback set first_name = ? where customer_id = ?",
                [self.members[name], name],
            )

    def _leave(self, chance: random.Random) -> None:
        if name := self._anybody(chance):
            del self.members[name]
            self.world.drop(name)

    def _withdraw(self, chance: random.Random) -> None:
        self._decide(chance, is_granted=False)

    def _consent(self, chance: random.Random) -> None:
        self._decide(chance, is_granted=True)

    def _decide(self, chance: random.Random, *, is_granted: bool) -> None:
        if name := self._anybody(chance):
            self.consents[name] = is_granted
            self.world.execute(
                "update customer_consents set is_granted = ? where customer_id = ?",
                [is_granted, name],
            )

    def _poison(self, chance: random.Random) -> None:
        if name := self._anybody(chance):
            self.receiver.poison.add(name)

    def _heal(self, chance: random.Random) -> None:
        self.receiver.poison.clear()

    def _run(self, chance: random.Random) -> None:
        self._faults.schedule = [
            chance.choice((None, None, None, *EVERY, 401)) for _ in range(4)
        ]
        with suppress(Killed):
            self.run(chance.choice((None, None, 0, 1, 2)))

    def _anybody(self, chance: random.Random) -> str | None:
        return chance.choice(sorted(self.members)) if self.members else None
