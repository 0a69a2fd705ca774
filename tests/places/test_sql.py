"""Tables of a real PostgreSQL."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from orchestration.lib.places import fetch
from tests.places.conftest import Office
from tests.places.servers import PASSWORD, free_port

CONFIG = """
[places.crm]
type = "sql"
url_env = "CRM_DATABASE"
into = "shop"
attempts = 2
timeout_seconds = 5

[[places.crm.tables]]
name = "orders"
schema = "sales"
"""
WITH_CURSOR = CONFIG + 'cursor = "updated_at"\n'
#: A value of each kind, as the text that PostgreSQL reads and writes.
VALUES = {
    "id": ("bigint", "9007199254740993"),
    "amount": ("numeric(20, 6)", "12345678901234.100000"),
    "ratio": ("double precision", "0.1"),
    "any_number": ("numeric", "NaN"),
    "at": ("timestamptz", "2026-10-31 05:00:00.123456+00"),
    "forever": ("timestamptz", "infinity"),
    "local_at": ("timestamp", "2026-10-31 05:00:00"),
    "day": ("date", "2026-10-31"),
    "period": ("interval", "1 mon 2 days 00:00:03"),
    "name": ("text", 'Ёлка "🎄"\n\\ 360'),
    "nothing": ("text", ""),
    "document": ("jsonb", '{"a": 1.10, "b": 12345678901234567890.123}'),
    "photo": ("bytea", "\\x00ff10"),
    "tags": ("text[]", "{a,NULL,b}"),
    "address": ("inet", "10.0.0.0/8"),
    "is_vip": ("boolean", "true"),
}


@pytest.fixture
def database(postgresql: str) -> Iterator[psycopg.Connection[Any]]:
    """An empty schema `sales`."""
    with psycopg.connect(postgresql, autocommit=True) as connection:
        connection.execute("drop schema if exists sales cascade")
        connection.execute("create schema sales")
        yield connection


@pytest.fixture
def desk(office: Office, postgresql: str, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("CRM_DATABASE", postgresql)
    office.config = CONFIG
    return office


def rows(desk: Office, name: str) -> list[dict[str, Any]]:
    """The rows of a landed file."""
    text = (desk.landing / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def make_orders(database: psycopg.Connection[Any]) -> None:
    database.execute(
        "create table sales.orders"
        " (id int primary key, amount numeric(20, 6), updated_at timestamptz)"
    )
    database.execute(
        "insert into sales.orders values"
        " (1, 10.5, '2026-10-01 10:00+03'), (2, 20, '2026-10-02 10:00+03')"
    )


def test_every_kind_of_value_arrives_as_the_database_writes_it(
    desk: Office, database: psycopg.Connection[Any], postgresql: str
) -> None:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in VALUES.items())
    database.execute(f"create table sales.orders ({columns}, unknown int)")
    database.execute(
        f"insert into sales.orders ({', '.join(VALUES)})"
        f" values ({', '.join('%s::text::' + kind for kind, _ in VALUES.values())})",
        [text for _, text in VALUES.values()],
    )
    # What an administrator may have set does not change the texts.
    database.execute("alter role crm360 set datestyle = 'German'")
    database.execute("alter role crm360 set timezone = 'Asia/Tokyo'")
    database.execute("alter role crm360 set bytea_output = 'escape'")
    try:
        outcome = desk.fetch()
    finally:
        database.execute("alter role crm360 reset all")

    assert outcome.problems == []
    (row,) = rows(desk, outcome.new[0])
    assert row == {name: text for name, (_, text) in VALUES.items()} | {"unknown": None}


def test_a_table_lands_in_a_file_named_after_it_and_the_time(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    make_orders(database)

    (name,) = desk.fetch().new

    stamp = name.removeprefix("shop/orders_").removesuffix(".jsonl")
    assert [len(part) for part in stamp.split("T")] == [10, 7]
    assert list(desk.landed()) == [name]
    assert [row["amount"] for row in rows(desk, name)] == ["10.500000", "20.000000"]


def test_a_whole_table_lands_again_only_when_something_changed(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    database.execute("create table sales.orders (a int, b text)")
    database.execute("insert into sales.orders values (2, 'x'), (1, null), (1, 'y')")
    desk.fetch()
    # Rewritten in another order: a table without a key has none of its own.
    database.execute("update sales.orders set b = b where a = 2")

    assert desk.fetch().unchanged == 1

    database.execute("delete from sales.orders where a = 2")
    (name,) = desk.fetch().new
    assert len(rows(desk, name)) == 2
    assert len(desk.landed()) == 2


def test_an_empty_table_lands_nothing(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    database.execute("create table sales.orders (a int)")

    outcome = desk.fetch()

    assert (outcome.new, outcome.problems) == ([], [])
    assert desk.landed() == {}


def test_the_second_fetch_brings_only_new_and_changed_rows(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    make_orders(database)
    desk.config = WITH_CURSOR
    desk.fetch()

    assert desk.fetch().new == []

    database.execute(
        "insert into sales.orders values (3, 30, '2026-10-03'), (4, 40, '2026-10-03')"
    )
    database.execute(
        "update sales.orders set amount = 11, updated_at = '2026-10-03' where id = 1"
    )
    (name,) = desk.fetch().new
    assert [row["id"] for row in rows(desk, name)] == ["1", "3", "4"]


def test_rows_of_the_last_moment_that_come_later_are_fetched_too(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    """Two transactions at one moment: the second is committed after the fetch."""
    make_orders(database)
    desk.config = WITH_CURSOR
    desk.fetch()
    database.execute("insert into sales.orders values (3, 3, '2026-10-02 10:00+03')")
    database.execute("update sales.orders set amount = 21 where id = 2")

    (name,) = desk.fetch().new

    assert [(row["id"], row["amount"]) for row in rows(desk, name)] == [
        ("2", "21.000000"),
        ("3", "3.000000"),
    ]
    assert desk.fetch().new == []


def test_rows_without_a_cursor_and_from_the_future_are_fetched_once_and_block_nothing(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    make_orders(database)
    desk.config = WITH_CURSOR
    database.execute(
        "insert into sales.orders values"
        " (7, 7, null), (8, 8, '9999-12-31'), (9, 9, 'infinity')"
    )
    (first,) = desk.fetch().new
    assert len(rows(desk, first)) == 5
    assert desk.fetch().new == []

    database.execute(
        "insert into sales.orders values (3, 3, '2026-10-03'), (10, 10, null)"
    )
    (name,) = desk.fetch().new

    assert [row["id"] for row in rows(desk, name)] == ["3", "10"]


def test_a_number_serves_as_a_cursor_in_its_own_order(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    database.execute("create table sales.orders (id int primary key)")
    database.execute("insert into sales.orders select generate_series(1, 10)")
    desk.config = CONFIG + 'cursor = "id"\n'
    desk.fetch()
    database.execute("insert into sales.orders values (11), (100)")

    (name,) = desk.fetch().new

    assert [row["id"] for row in rows(desk, name)] == ["11", "100"]


def test_equal_rows_of_a_log_without_a_key_are_all_kept(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    database.execute("create table sales.orders (at timestamptz, what text)")
    database.execute(
        "insert into sales.orders values"
        " ('2026-10-01', 'click'), ('2026-10-01', 'click')"
    )
    desk.config = CONFIG + 'cursor = "at"\n'
    assert len(rows(desk, desk.fetch().new[0])) == 2

    database.execute("insert into sales.orders values ('2026-10-01', 'click')")

    assert len(rows(desk, desk.fetch().new[0])) == 1


def test_a_connection_that_breaks_in_the_middle_is_made_good(
    desk: Office, database: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("create table sales.orders (id int primary key)")
    database.execute("insert into sales.orders select generate_series(1, 25000)")
    monkeypatch.setattr(fetch, "ROWS_BETWEEN_REPORTS", 12_000)
    broken: list[str] = []

    def break_once(message: str) -> None:
        if not broken:
            database.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where pid <> pg_backend_pid() and backend_type = 'client backend'"
            )
        broken.append(message)

    monkeypatch.setattr(desk, "told", SimpleNamespace(append=break_once))

    outcome = desk.fetch()

    assert outcome.problems == []
    assert len(broken) > 2, "it began anew"
    assert len(rows(desk, outcome.new[0])) == 25_000


def test_one_table_that_is_not_there_does_not_keep_the_others(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    make_orders(database)
    desk.config += '\n[[places.crm.tables]]\nname = "nope"\n'

    outcome = desk.fetch()

    assert len(outcome.new) == 1
    assert outcome.problems == [
        "nope: there is no table or view of this name: see name, schema and rights"
    ]


def test_a_cursor_that_is_no_column_is_told_with_the_columns(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    make_orders(database)
    desk.config = CONFIG + 'cursor = "changed_at"\n'

    assert desk.fetch().problems == [
        "orders: there is no column changed_at to go on from;"
        " there are id, amount, updated_at"
    ]


def test_a_table_that_may_not_be_read_is_told(
    desk: Office, database: psycopg.Connection[Any], postgresql: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    make_orders(database)
    database.execute("drop role if exists guest")
    database.execute("create role guest login password 'guest'")
    database.execute("grant usage on schema sales to guest")
    monkeypatch.setenv(
        "CRM_DATABASE", postgresql.replace("crm360:p%40ss%2Fw0rd%3A360", "guest:guest")
    )

    assert desk.fetch().problems == ["orders: permission denied for table orders"]


@pytest.mark.parametrize("password", ["wr0ng-pass", "wr%40ng%2Fpass"])
def test_a_wrong_password_is_told_without_it(
    desk: Office, postgresql: str, password: str, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level("DEBUG")
    url = postgresql.replace("p%40ss%2Fw0rd%3A360", password)
    monkeypatch.setenv("CRM_DATABASE", url)

    (problem,) = desk.fetch().problems

    assert 'password authentication failed for user "crm360"' in problem
    shown = "".join([*capfd.readouterr(), caplog.text, problem, *desk.told])
    for secret in (password, "wr@ng/pass", PASSWORD):
        assert secret not in shown


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("postgres://u:s3cr3t@h/d", "NoSuchModuleError"),
        ("s3cr3t", "ArgumentError"),
        ("postgresql://u:s3cr3t@127.0.0.1:{port}/d", "connection failed"),
        ("postgresql://u:s3cr3t@nowhere.invalid/d", "failed to resolve host"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_it(
    desk: Office, url: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_DATABASE", url.format(port=free_port()))

    (told,) = desk.fetch().problems

    assert problem in told
    assert "s3cr3t" not in told


def test_a_dry_run_leaves_everything_as_it_is(
    desk: Office, database: psycopg.Connection[Any]
) -> None:
    make_orders(database)
    desk.config = WITH_CURSOR

    assert len(desk.fetch(dry_run=True).new) == 1

    assert desk.landed() == {}
    assert len(desk.fetch().new) == 1
