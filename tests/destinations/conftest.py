"""A small audience, its consents, and a receiver."""

import dataclasses
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.activation.apply import (
    AnyDestination,
    Applied,
    apply_plan,
    settle_jobs,
)
from orchestration.lib.activation.destinations.base import MODES, Capabilities
from orchestration.lib.activation.destinations.webhook import (
    WebhookDestination,
    WebhookOptions,
)
from orchestration.lib.activation.mapping import Field
from orchestration.lib.activation.plan import Plan, write_plan
from orchestration.lib.activation.state import Audience, Limits, Sync, opened
from tests.destinations.receiver import Receiver, running_receiver

AS_OF = date(2026, 10, 31)


def sync_of(audience: str) -> Sync:
    """The audience under this name, on its way to a destination that can do all."""
    return Sync(
        audience=Audience(
            name=audience,
            relation="audience_winback",
            channel="email",
            purpose="marketing",
            contact_field="email",
        ),
        destination="crm",
        capabilities=Capabilities(in_doubt_by="key", modes=MODES, batch_rows=2),
        fields=(
            Field(name="email", column="email"),
            Field(name="first_name", column="first_name"),
        ),
        limits=Limits(is_first_send_held=False),
    )


class World:
    """Marts that tests change, and the activation state beside them."""

    def __init__(self, home: Path, like: Path | None = None) -> None:
        self.home = home
        self.marts = home / "marts.duckdb"
        self.activation = home / "activation.duckdb"
        self.sync = sync_of("winback")
        if like is None:
            self._create()
        else:
            shutil.copy(like, self.marts)

    def _create(self) -> None:
        self.execute(
            """
            create table audience_winback (
                customer_id varchar, email varchar, first_name varchar,
                decision varchar,
                phone varchar generated always as (
                    '+7900' || right(concat('0000000', hash(customer_id) % 10000000), 7)
                )
            );
            create table customer_consents (
                customer_id varchar, channel varchar, contact_point_hash varchar,
                purpose varchar, is_granted boolean, suppression_reason varchar,
                decided_at timestamp
            );
            """
        )

    def execute(self, statement: str, parameters: Any = None) -> None:
        """Change the marts."""
        with duckdb.connect(str(self.marts)) as connection:
            connection.execute(statement, parameters)

    def marts_rows(self, query: str) -> list[Any]:
        """Rows of the marts."""
        with duckdb.connect(str(self.marts), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def add(self, name: str, *, decision: str = "send", consent: bool = True) -> None:
        """A member, and whether their address has a granted consent."""
        self.execute(
            "insert into audience_winback values ($1, $1 || '@mail.ru', $1, $2)",
            [name, decision],
        )
        self.execute(
            "insert into customer_consents values"
            " ($1, 'email', sha256($1 || '@mail.ru'), 'marketing', $2, null,"
            " '2026-10-01')",
            [name, consent],
        )

    def by_phone(self) -> None:
        """Everybody has consented to text messages too; they are what is sent now."""
        self.execute(
            "insert into customer_consents select customer_id, 'sms', sha256(phone),"
            " 'marketing', true, null, '2026-10-01' from audience_winback"
        )
        self.sync_with(
            audience=dataclasses.replace(
                self.sync.audience, channel="sms", contact_field="phone"
            )
        )

    def drop(self, name: str) -> None:
        """The member is in the audience no more."""
        self.execute("delete from audience_winback where customer_id = ?", [name])

    def plan(self) -> Plan:
        """What would be sent now."""
        with opened(self.activation, self.marts) as connection:
            return write_plan(connection, self.sync, AS_OF)

    def apply(
        self, destination: AnyDestination, plan: Plan | None = None, **kwargs: Any
    ) -> Applied:
        """Apply a plan, or the one of this moment."""
        with opened(self.activation, self.marts) as connection:
            settle_jobs(connection, self.sync, destination)
            plan_id = (plan or write_plan(connection, self.sync, AS_OF)).plan_id
            return apply_plan(connection, self.sync, plan_id, destination, **kwargs)

    def sync_with(self, **changes: Any) -> None:
        """Another sync from now on; keys of its capabilities go there."""
        known = {each.name for each in dataclasses.fields(Capabilities)}
        can = {key: value for key, value in changes.items() if key in known}
        self.sync = dataclasses.replace(
            self.sync,
            **{key: value for key, value in changes.items() if key not in known},
        )
        self.sync = dataclasses.replace(
            self.sync, capabilities=dataclasses.replace(self.sync.capabilities, **can)
        )

    def state(self, query: str) -> list[Any]:
        """Rows of the activation state."""
        with opened(self.activation, self.marts) as connection:
            return connection.execute(query).fetchall()

    def held(self) -> set[str]:
        """Members that the destination is known to hold."""
        return {row[0] for row in self.state("select customer_id from acknowledged")}


def webhook_to(url: str, secret: str = "", **options: Any) -> WebhookDestination:
    """Impatient, so that tests of silence are short."""
    return WebhookDestination(
        "crm",
        WebhookOptions(url=url, **{"timeout_seconds": 0.3, "attempts": 2} | options),
        {"secret_env": secret} if secret else {},
        Path(),
    )


@pytest.fixture(scope="session")
def three_members(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Marts with three consented members, made once: anna, boris and vera."""
    world = World(tmp_path_factory.mktemp("marts"))
    for name in ("anna", "boris", "vera"):
        world.add(name)
    return world.marts


@pytest.fixture
def world(tmp_path: Path, three_members: Path) -> World:
    """Three consented members, and nothing sent yet."""
    return World(tmp_path, like=three_members)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def webhook(receiver: Receiver) -> WebhookDestination:
    return webhook_to(receiver.url)
