"""Rows of a real PostgreSQL, behind a relay that breaks off around commits."""

import dataclasses
import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from orchestration.lib.activation.apply import PlanHeld
from orchestration.lib.activation.destinations.base import NotSent
from orchestration.lib.activation.destinations.postgresql import (
    PostgresqlDestination,
    PostgresqlOptions,
)
from orchestration.lib.activation.mapping import read_field
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.sandbox.faults import Fault, Faults
from tests.destinations.conformance import Conformance, Subject, use
from tests.destinations.conftest import World
from tests.places.servers import PASSWORD, free_port, running_postgresql

FIELDS = {"email": "email", "first_name": "first_name"}


class Database:
    """The table `crm.members`, and what it holds."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.execute("drop schema if exists crm cascade; create schema crm")
        self.table("email text, first_name text", "unique (audience, customer_id)")

    def execute(self, statement: Any) -> list[Any]:
        with psycopg.connect(self.url) as connection:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

    def table(self, columns: str, *constraints: str) -> None:
        """Another table instead."""
        self.execute("drop table if exists crm.members cascade")
        parts = ["audience text, customer_id text", columns, *constraints]
        self.execute(f"create table crm.members ({', '.join(parts)})")

    def names(self, audience: str = "winback") -> dict[str, str]:
        """First names by customer."""
        found = self.execute(
            "select audience, customer_id, first_name from crm.members"
        )
        return {key: name for held, key, name in found if held == audience}

    def rows(self, columns: str) -> list[Any]:
        return self.execute(f"select {columns} from crm.members order by customer_id")

    def destination(self, url: str = "", **options: Any) -> PostgresqlDestination:
        known = {"table": "crm.members", "attempts": 1, "timeout_seconds": 5.0}
        return PostgresqlDestination(
            "crm",
            PostgresqlOptions(url_env="CRM_URL", **known | options),
            {"url_env": url or self.url},
            Path(),
        )


@contextmanager
def relay(url: str, faults: Faults) -> Iterator[str]:
    """The address of a server whose transactions of batches meet faults.

    After `lost` and `html` they have their effect, and nobody hears of it. The
    connection ends before the commit is on its way for `drop`, and before anything is
    for a number.
    """
    there = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))

    def carry(client: socket.socket) -> None:
        server = socket.create_connection((there.hostname or "", there.port or 0))
        selector = selectors.DefaultSelector()
        fault, is_batch, is_mute = None, False, False
        selector.register(client, selectors.EVENT_READ)
        selector.register(server, selectors.EVENT_READ)
        with client, server, suppress(OSError):
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if not data or (is_mute and key.fileobj is server):
                        return
                    if b"json_populate_recordset" in data and not is_batch:
                        is_batch, fault = True, faults.next()
                    if isinstance(fault, int):
                        return
                    if is_batch and b"COMMIT" in data:
                        if fault == "drop":
                            return
                        is_batch, is_mute = False, fault is not None
                    (server if key.fileobj is client else client).sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=carry, args=[client], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield url.replace(f":{there.port}/", f":{listener.getsockname()[1]}/")
    finally:
        listener.close()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.fixture
def database(server: str, world: World) -> Database:
    database = Database(server)
    use(world, database.destination(batch_rows=2), FIELDS)
    return database


def apply(world: World, database: Database, **options: Any) -> Any:
    destination = database.destination(**options)
    try:
        return world.apply(destination)
    finally:
        destination.close()


def send_also(world: World, columns: str, **fields: Any) -> None:
    """Columns of the audience, and the fields that they are sent as."""
    world.execute(
        f"create view audience_more as select *, {columns} from audience_winback"
    )
    world.sync_with(
        audience=dataclasses.replace(world.sync.audience, relation="audience_more"),
        fields=tuple(
            read_field(name, value) for name, value in {**FIELDS, **fields}.items()
        ),
    )


class TestPostgresql(Conformance):
    @pytest.fixture
    def subject(self, world: World, database: Database) -> Iterator[Subject]:
        faults = Faults()
        with relay(database.url, faults) as url:
            yield Subject(
                connect=lambda: database.destination(url),
                members=database.names,
                faults=faults,
                strange=lambda: database.destination(url.replace("p%40ss", "pass")),
            )


@pytest.mark.parametrize(("fault", "unknown"), [(500, 0), ("drop", 3), ("lost", 3)])
def test_a_connection_that_ends_leaves_a_doubt_only_if_the_commit_was_on_its_way(
    world: World, database: Database, fault: Fault, unknown: int
) -> None:
    world.sync_with(batch_rows=3)
    with relay(database.url, Faults([fault])) as url:
        applied = apply(world, database, url=url)

    assert applied.unknown == unknown
    assert "connection was lost" in applied.problem


def test_a_lost_connection_is_made_again(world: World, database: Database) -> None:
    with relay(database.url, Faults(["lost", 500])) as url:
        applied = apply(world, database, url=url, attempts=3)

    assert applied.problem is None
    assert applied.acknowledged == 3


def test_values_take_the_types_of_their_columns(
    world: World, database: Database
) -> None:
    database.execute("alter database postgres set timezone = 'Asia/Tokyo'")
    database.table(
        "email text, first_name varchar(20), spent numeric(10, 2), orders int,"
        ' is_vip boolean, born date, "seen %" timestamptz, tags text[], extra jsonb',
        "unique (audience, customer_id)",
    )
    send_also(
        world,
        "1234.50::decimal(10, 2) as spent, 3 as orders, true as is_vip,"
        " date '1990-02-28' as born, timestamp '2026-10-30 22:30:00' as seen,"
        " ['a', 'b'] as tags, {'x': 1} as extra",
        **{key: key for key in ("spent", "orders", "is_vip", "born")},
        **{"seen %": "seen"},
    )

    assert apply(world, database).problem is None

    assert database.rows(
        "spent::text, orders, is_vip, born::text, (\"seen %\" at time zone 'UTC')::text"
    )[0] == ("1234.50", 3, True, "1990-02-28", "2026-10-30 22:30:00")


def test_multiwoven_doubles_quotes_and_a_name_stays_as_it_is(
    world: World, database: Database
) -> None:
    name = 'O\'Brien \\ "Bob" %s Ёлка'
    world.execute("update audience_winback set first_name = ?", [name])

    apply(world, database)

    assert set(database.names().values()) == {name}


def test_a_null_that_is_not_sent_leaves_what_is_there_and_one_that_clears_empties(
    world: World, database: Database
) -> None:
    database.table(
        "email text, first_name text, city text, owner text default 'sales'",
        "unique (audience, customer_id)",
    )
    send_also(
        world,
        "first_name as city",
        city={"column": "city", "nulls": "clear"},
    )
    apply(world, database)
    world.execute("update audience_winback set first_name = null where email ^@ 'anna'")

    assert apply(world, database).acknowledged == 1

    assert database.rows("first_name, city, owner") == [
        ("anna", None, "sales"),
        ("boris", "boris", "sales"),
        ("vera", "vera", "sales"),
    ]


def test_members_with_other_sets_of_fields_go_together(
    world: World, database: Database
) -> None:
    world.execute("update audience_winback set first_name = null where email ^@ 'anna'")

    assert apply(world, database).acknowledged == 3

    assert database.names() == {"anna": None, "boris": "boris", "vera": "vera"}


def test_mirrors_delete_what_others_wrote_and_this_one_does_not(
    world: World, database: Database
) -> None:
    database.execute(
        "insert into crm.members values ('winback', 'of a colleague'),"
        " ('loyal', 'boris')"
    )
    apply(world, database)
    world.drop("boris")

    apply(world, database)

    assert set(database.names()) == {"anna", "vera", "of a colleague"}
    assert set(database.names("loyal")) == {"boris"}


def test_an_update_changes_who_is_there_and_tells_who_is_not(
    world: World, database: Database
) -> None:
    database.table("email text, first_name text")
    database.execute("insert into crm.members values ('winback', 'anna', '-', '-')")
    world.sync_with(mode="update")

    applied = apply(world, database)

    assert (applied.acknowledged, applied.absent) == (1, 2)
    assert database.names() == {"anna": "anna"}


def test_an_update_never_deletes_a_row_that_is_its_owners(
    world: World, database: Database
) -> None:
    database.execute("insert into crm.members values ('winback', 'anna')")
    world.sync_with(mode="update")
    apply(world, database)
    world.execute("update customer_consents set is_granted = false")

    with pytest.raises(PlanHeld, match="1 were removed"):
        apply(world, database)

    assert set(database.names()) == {"anna"}
    assert world.held() == set()


def test_create_leaves_alone_who_is_there(world: World, database: Database) -> None:
    database.execute("insert into crm.members values ('winback', 'anna', '-', 'Anya')")
    world.sync_with(mode="create")

    assert apply(world, database).acknowledged == 3

    assert database.names()["anna"] == "Anya"


def test_append_keeps_every_state_once_whatever_is_lost(
    world: World, database: Database
) -> None:
    database.table(
        "email text, first_name text, idempotency_key text unique",
    )
    world.sync_with(mode="append")
    faults = Faults([None, "lost", "drop", None, "lost"])
    with relay(database.url, faults) as url:
        for _ in range(3):
            apply(world, database, url=url)
        world.execute(
            "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
        )
        for _ in range(3):
            apply(world, database, url=url)

    assert len(faults.met) == 3
    assert sorted(database.rows("first_name")) == [
        ("Anya",), ("anna",), ("boris",), ("vera",),
    ]  # fmt: skip

    world.execute("update customer_consents set is_granted = false")
    with pytest.raises(PlanHeld, match="3 were removed"):
        apply(world, database)
    assert database.rows("*") == []


@pytest.mark.parametrize("mode", ["mirror", "append"])
def test_a_missing_table_is_told_with_the_statement_that_makes_it(
    world: World, database: Database, mode: str
) -> None:
    database.execute("drop table crm.members")
    send_also(world, "1.5 as spent, true as is_vip", spent="spent", is_vip="is_vip")
    world.sync_with(mode=mode)

    problem = apply(world, database).problem
    assert world.held() == set()
    database.execute(problem[problem.index("create table") :])

    assert apply(world, database).problem is None
    assert database.rows("customer_id, spent::text, is_vip")[0] == ("anna", "1.5", True)


def test_one_row_that_a_constraint_refuses_does_not_keep_back_the_others(
    world: World, database: Database
) -> None:
    database.execute("alter table crm.members add check (first_name <> 'boris')")

    applied = apply(world, database)

    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert set(database.names()) == world.held() == {"anna", "vera"}
    codes = "select distinct error_code from attempts where outcome = 'rejected'"
    assert world.state(codes) == [("23514",)]
    database.execute("alter table crm.members drop constraint members_first_name_check")
    assert apply(world, database).acknowledged == 1


def test_a_constraint_that_is_looked_at_in_the_end_refuses_and_leaves_no_doubt(
    world: World, database: Database
) -> None:
    database.table(
        "email text, first_name text",
        "unique (audience, customer_id)",
        "unique (first_name) deferrable initially deferred",
    )
    world.execute("update audience_winback set first_name = 'Alex'")

    applied = apply(world, database)

    assert (applied.acknowledged, applied.rejected, applied.unknown) == (1, 2, 0)


def test_columns_that_do_not_fit_are_told_before_anything_is_sent(
    world: World, database: Database
) -> None:
    database.table("first_name int", "unique (audience, customer_id)")

    with pytest.raises(PlanRefused, match=r"no field email; .*takes a number"):
        apply(world, database)


def test_a_computed_column_is_no_field(world: World, database: Database) -> None:
    database.table("email text, first_name text generated always as (email) stored")

    with pytest.raises(PlanRefused, match="no field first_name"):
        apply(world, database)


def test_a_table_without_the_constraint_is_told(
    world: World, database: Database
) -> None:
    database.table("email text, first_name text")

    assert "unique constraint is missing" in apply(world, database).problem


def test_a_user_without_rights_is_told(world: World, database: Database) -> None:
    database.execute("drop role if exists guest; create role guest login password 'x'")
    database.execute("grant usage on schema crm to guest")
    database.execute("grant select on crm.members to guest")

    url = database.url.replace("crm360:p%40ss%2Fw0rd%3A360", "guest:x")
    problem = apply(world, database, url=url).problem

    assert "42501" in problem and "may not" in problem


def test_a_transaction_that_lost_to_another_is_tried_again(
    world: World, database: Database
) -> None:
    database.execute(
        """
        create sequence crm.tries;
        create function crm.lose() returns trigger language plpgsql as $$ begin
            if nextval('crm.tries') < 3 then
                raise exception using errcode = 'serialization_failure';
            end if;
            return new;
        end $$;
        create trigger lose before insert on crm.members
        for each row execute function crm.lose()
        """
    )

    assert apply(world, database, attempts=3).problem is None

    assert world.state("select count(*) from attempts") == [(6,)]


def test_a_row_that_somebody_holds_is_not_waited_for_beyond_the_limit(
    world: World, database: Database
) -> None:
    apply(world, database)
    world.execute("update audience_winback set first_name = 'Anya'")
    with psycopg.connect(database.url) as other:
        other.execute("update crm.members set first_name = '-'")
        applied = apply(world, database, timeout_seconds=0.2)

    assert "57014" in applied.problem
    assert applied.unknown == 0


def test_a_server_that_is_not_there_leaves_nobody_in_doubt(
    world: World, database: Database
) -> None:
    url = f"postgresql://crm360@127.0.0.1:{free_port()}/postgres"

    with pytest.raises(PlanRefused, match="no connection"):
        apply(world, database, url=url)

    assert world.state("select * from attempts") == []


def test_an_address_that_cannot_be_read_is_told_without_its_password(
    database: Database,
) -> None:
    destination = database.destination(f"postgres//crm360:{PASSWORD}@host/db")

    with pytest.raises(NotSent) as refused:
        destination.fields()

    assert PASSWORD not in str(refused.value)
    assert refused.value.__cause__ is None
