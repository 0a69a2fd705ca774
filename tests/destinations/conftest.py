"""A small audience, its consents, and a receiver."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.activation.apply import Applied, apply_plan
from orchestration.lib.activation.destinations.base import Destination
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.plan import Plan, write_plan
from orchestration.lib.activation.state import Audience, Limits, Sync, opened
from tests.destinations.receiver import Receiver, running_receiver

AS_OF = date(2026, 10, 31)


class World:
    """Marts that tests change, and the activation state beside them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.marts = home / "marts.duckdb"
        self.activation = home / "activation.duckdb"
        self.sync = Sync(
            audience=Audience(
                name="winback",
                relation="audience_winback",
                channel="email",
                purpose="marketing",
                contact_field="email",
                fields=("email", "first_name"),
            ),
            destination="crm",
            limits=Limits(is_first_send_held=False),
        )
        self.execute(
            """
            create table audience_winback (
                customer_id varchar, email varchar, first_name varchar, decision varchar
            );
            create table customer_consents (
                customer_id varchar, channel varchar, contact_point_hash varchar,
                purpose varchar, is_granted boolean, suppression_reason varchar
            );
            """
        )

    def execute(self, statement: str, parameters: Any = None) -> None:
        """Change the marts."""
        with duckdb.connect(str(self.marts)) as connection:
            connection.execute(statement, parameters)

    def add(self, name: str, *, decision: str = "send", consent: bool = True) -> None:
        """A member, and whether their address has a granted consent."""
        self.execute(
            "insert into audience_winback values ($1, $1 || '@mail.ru', $1, $2)",
            [name, decision],
        )
        self.execute(
            "insert into customer_consents values"
            " ($1, 'email', sha256($1 || '@mail.ru'), 'marketing', $2, null)",
            [name, consent],
        )

    def drop(self, name: str) -> None:
        """The member is in the audience no more."""
        self.execute("delete from audience_winback where customer_id = ?", [name])

    def plan(self) -> Plan:
        """What would be sent now."""
        with opened(self.activation, self.marts) as connection:
            return write_plan(connection, self.sync, AS_OF)

    def apply(
        self, destination: Destination, plan: Plan | None = None, **kwargs: Any
    ) -> Applied:
        """Apply a plan, or the one of this moment."""
        with opened(self.activation, self.marts) as connection:
            plan_id = (plan or write_plan(connection, self.sync, AS_OF)).plan_id
            return apply_plan(connection, self.sync, plan_id, destination, **kwargs)

    def state(self, query: str) -> list[Any]:
        """Rows of the activation state."""
        with opened(self.activation, self.marts) as connection:
            return connection.execute(query).fetchall()

    def held(self) -> set[str]:
        """Members that the destination is known to hold."""
        return {row[0] for row in self.state("select customer_id from acknowledged")}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three consented members: anna, boris and vera."""
    world = World(tmp_path)
    for name in ("anna", "boris", "vera"):
        world.add(name)
    return world


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(receiver: Receiver) -> WebhookDestination:
    """Impatient, so that tests of silence are short."""
    return WebhookDestination(
        receiver.url, secret=None, batch_rows=2, timeout_seconds=0.3, attempts=2
    )
