"""A small world of records whose identity is resolved, and what can happen to it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain

import duckdb

from orchestration.lib.identity.decisions import Decision, RecordKey
from orchestration.lib.identity.evidence import IdentifierType
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.identity.resolution import resolve
from orchestration.lib.identity.scoring import IdentityMacros
from orchestration.settings import PROJECT

TYPES = [
    IdentifierType("email", 0.99, max_records=50, max_people=3, max_per_customer=6),
    IdentifierType("phone", 0.93, max_records=50, max_people=3, max_per_customer=6),
    IdentifierType("client_id", 0.9, max_records=20, max_people=2, max_per_customer=6),
]
MACROS = IdentityMacros(PROJECT / "dbt_project" / "macros")
#: A mailbox of nobody's, by a pattern.
ROLE = "info@shop.example"
FIRST_DAY = date(2026, 1, 1)


@dataclass(frozen=True)
class Person:
    """What one source record says."""

    email: str | None = None
    phone: str | None = None
    first_name: str | None = None
    birth_date: str | None = None
    last_name: str | None = None
    city: str | None = None
    seen_on: date | None = FIRST_DAY
    client_id: str | None = None


def record_key(name: str) -> RecordKey:
    return RecordKey("crm", "contacts", name)


def decision(kind: str, left: str, right: str) -> Decision:
    return Decision(
        kind,
        record_key(left),
        record_key(right),
        by="anna",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


class World:
    """Records by name, decisions, and a warehouse that remembers."""

    def __init__(self, model: MatchModel | None = None) -> None:
        self.model = model
        self.connection = duckdb.connect()
        self.records: dict[str, Person] = {}
        self.decisions: dict[frozenset[str], Decision] = {}
        self.day = FIRST_DAY

    def put(self, **people: Person) -> "World":
        self.records |= people
        return self

    def change(self, name: str, **values: str | None) -> "World":
        self.records[name] = replace(self.records[name], **values)
        return self

    def remove(self, *names: str) -> "World":
        for name in names:
            del self.records[name]
        return self

    def decide(self, kind: str, left: str, right: str) -> "World":
        self.decisions[frozenset((left, right))] = decision(kind, left, right)
        return self

    def undecide(self, left: str, right: str) -> "World":
        del self.decisions[frozenset((left, right))]
        return self

    def forget_all_but_history(self) -> "World":
        """As after the loss of the warehouse: ids are made again from their history."""
        kept = {
            table: self.connection.execute(f"from identity.{table}").to_arrow_table()
            for table in ("assignments", "events")
        }
        self.connection = duckdb.connect()
        self.connection.execute("create schema identity")
        for name, kept_table in kept.items():
            self.connection.register("kept_table", kept_table)
            self.connection.execute(f"create table identity.{name} as from kept_table")
            self.connection.unregister("kept_table")
        return self

    def resolve(
        self,
        *,
        backwards: bool = False,
        progress: Callable[[str], None] = lambda stage: None,
    ) -> dict[str, int]:
        """A run on the next day; returns the number of events by kind."""
        self.day += timedelta(days=1)
        names = sorted(self.records, reverse=backwards)
        self.connection.execute(_TABLES)
        people = [(name, self.records[name]) for name in names]
        self._insert(
            "records",
            [
                (name, *(getattr(person, column) for column in _SAID))
                for name, person in people
            ],
        )
        self._insert(
            "identifiers",
            [
                (name, kind, value)
                for name, person in people
                for kind in ("email", "phone", "client_id")
                if (value := getattr(person, kind))
            ],
        )
        return resolve(
            self.connection,
            MACROS,
            records="records",
            identifiers="identifiers",
            types=TYPES,
            blocked_identifiers="blocked",
            decided=self.decisions.values(),
            as_of=self.day,
            model=self.model,
            progress=progress,
        )

    def _insert(self, table: str, rows: list[tuple[object, ...]]) -> None:
        if rows:
            places = ", ".join("?" * len(rows[0]))
            values = ", ".join([f"('crm', 'contacts', {places})"] * len(rows))
            self.connection.execute(
                f"insert into {table} values {values}", list(chain(*rows))
            )

    def forget_state(self) -> "World":
        """What was seen and found is lost, and with it why only a part is resolved."""
        self.connection.execute("drop schema if exists identity_state cascade")
        return self

    def published(self) -> dict[str, list[tuple[object, ...]]]:
        """The rows of every public table, in order."""
        return {
            table: self.connection.execute(
                f"from identity.{table} order by all"
            ).fetchall()
            for table in PUBLIC
        }

    def ids(self) -> dict[str, str]:
        """The customer of every record."""
        return dict(
            self.connection.execute(
                "select record_id, customer_id from identity.customer_ids"
            ).fetchall()
        )

    def people(self) -> set[frozenset[str]]:
        """The records of each customer."""
        return groups(self.ids())

    def aliases(self) -> dict[str, str | None]:
        return dict(self.connection.execute("from identity.aliases").fetchall())

    def events(self) -> list[tuple[str, str, str | None, str]]:
        return self.connection.execute(
            "select kind, customer_id, other_customer_id, cause"
            " from identity.events order by step, kind, customer_id"
        ).fetchall()


#: What `identity` publishes.
PUBLIC = (
    "customer_ids", "identifier_edges", "likely_pairs", "blocked_identifiers",
    "links", "review_queue", "overrides", "assignments", "events", "aliases",
)  # fmt: skip
#: Columns of a record, after its name.
_SAID = (
    "first_name", "last_name", "birth_date", "email", "phone", "city", "seen_on",
)  # fmt: skip
_TABLES = """
create or replace table records (
    source varchar, export varchar, record_id varchar,
    first_name varchar, last_name varchar, birth_date varchar, email varchar,
    phone varchar, city varchar, first_seen_at timestamp
);
create or replace table identifiers (
    source varchar, export varchar, record_id varchar,
    identifier_type varchar, identifier_value varchar
);
create or replace table blocked as
select
    'email' as identifier_type,
    '(info|sales)@.*' as pattern,
    'role mailbox' as reason
"""


def groups(ids: Mapping[str, str]) -> set[frozenset[str]]:
    """Names by the id they share."""
    return {
        frozenset(name for name in ids if ids[name] == customer)
        for customer in set(ids.values())
    }


def world(people: Mapping[str, Person] | None = None) -> World:
    return World().put(**(people or {}))


def ids_of(names: Iterable[str], ids: Mapping[str, str]) -> set[str]:
    return {ids[name] for name in names}
