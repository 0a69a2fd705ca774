"""`activation`: plans, attempts, and what each destination is known to hold.

    plans         one row per plan of one audience for one destination
    plan_rows     one row per member the plan adds, changes, removes or leaves out
    holds         one row per guard that holds a plan until a person releases it
    releases      one row per release: who, when, why
    batches       one row per request, written before it is sent
    attempts      one row per member and event of a request: append-only
    acknowledged  one row per member that a destination is known to hold

A member is known by the hash of its key. `acknowledged` changes only by an answer of
the destination; an attempt that was sent and not answered leaves its member in doubt.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.lib.warehouse import connect, literal

_TABLES = """
create sequence if not exists activation.attempt_numbers;
create table if not exists activation.plans (
    plan_id varchar primary key,
    audience varchar not null,
    destination varchar not null,
    as_of date not null,
    status varchar not null,
    adds bigint not null,
    changes bigint not null,
    removes bigint not null,
    unchanged bigint not null,
    left_out bigint not null,
    created_at timestamp not null,
    applied_at timestamp
);
alter table activation.plans add column if not exists fields varchar;
create table if not exists activation.plan_rows (
    plan_id varchar not null,
    operation varchar not null,
    customer_id varchar not null,
    key_hash varchar not null,
    payload_hash varchar,
    reason varchar
);
create table if not exists activation.holds (
    plan_id varchar not null,
    place bigint not null,
    message varchar not null
);
create table if not exists activation.releases (
    plan_id varchar not null,
    released_by varchar not null,
    reason varchar not null,
    released_at timestamp not null
);
create table if not exists activation.batches (
    idempotency_key varchar primary key,
    plan_id varchar not null,
    audience varchar not null,
    destination varchar not null,
    row_count bigint not null,
    state varchar not null,
    sent_at timestamp not null,
    answered_at timestamp
);
create table if not exists activation.attempts (
    attempt_id bigint not null,
    plan_id varchar not null,
    destination varchar not null,
    audience varchar not null,
    operation varchar not null,
    customer_id varchar not null,
    key_hash varchar not null,
    payload_hash varchar,
    outcome varchar not null,
    error_code varchar,
    attempted_at timestamp not null,
    idempotency_key varchar not null
);
create table if not exists activation.acknowledged (
    destination varchar not null,
    audience varchar not null,
    customer_id varchar not null,
    key_hash varchar not null,
    payload_hash varchar not null,
    acknowledged_at timestamp not null,
    primary key (destination, audience, key_hash)
);
"""


@dataclass(frozen=True, kw_only=True)
class Audience:
    """An audience mart and what of it is sent."""

    name: str
    #: The mart: one row per member with `customer_id`, `decision` and the fields.
    relation: str
    #: Consent that a member must have given, on the contact point in this field.
    channel: str
    purpose: str
    contact_field: str
    fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Beyond them a plan is held. Shares are of the members the destination holds."""

    least_members: int = 1
    most_added: float = 1.0
    most_changed: float = 0.5
    most_removed: float = 0.2
    #: People who may not be sent any more, as they withdrew their consent or bounced.
    most_withdrawn: float = 0.5
    is_first_send_held: bool = True


@dataclass(frozen=True, kw_only=True)
class Sync:
    """One audience on its way to one destination."""

    audience: Audience
    destination: str
    limits: Limits = Limits()

    @property
    def is_it(self) -> str:
        """SQL, true for rows of the state tables that belong to this sync."""
        return (
            f"destination = {literal(self.destination)}"
            f" and audience = {literal(self.audience.name)}"
        )


@contextmanager
def opened(
    activation_file: Path, marts_file: Path
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The state, writable, with the marts attached read-only as `marts`.

    `activation.plans` is the table `plans` of the file `activation.duckdb`: DuckDB
    names a database after its file, and a schema of the same name would be ambiguous.
    """
    with connect(activation_file) as connection:
        connection.execute(_TABLES)
        connection.execute(f"attach {literal(str(marts_file))} as marts (read_only)")
        yield connection


def in_doubt(sync: Sync) -> str:
    """SQL of the key hashes that were sent and never answered."""
    return f"""
        select key_hash
        from (
            select
                key_hash,
                arg_max(outcome, attempt_id) as last_outcome
            from activation.attempts
            where {sync.is_it}
            group by key_hash
        )
        where last_outcome in ('sending', 'unknown')
    """


def answered_batches(connection: duckdb.DuckDBPyConnection, sync: Sync) -> int:
    """How many requests of this sync were ever answered.

    Part of every idempotency key: an unanswered request is repeated under the same
    key, and a later one with the same content gets another.
    """
    row = connection.execute(
        f"select count(*) from activation.batches where {sync.is_it}"
        " and state = 'answered'"
    ).fetchone()
    return int(row[0]) if row else 0
