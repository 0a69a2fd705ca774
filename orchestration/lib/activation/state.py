"""`activation`: plans, attempts, and what each destination is known to hold.

    plans         one row per plan of one audience for one destination
    plan_rows     one row per member the plan adds, changes, removes or leaves out
    plan_fields   one row per field that a change of the plan changes
    holds         one row per guard that holds a plan until a person releases it
    releases      one row per release: who, when, why
    batches       one row per request, written before it is sent
    attempts      one row per member and event of a request: append-only
    members       one row per member ever tried: what is there, and how the last went
    acknowledged  those of them that the destination is known to hold
    suppressions  contacts that a destination said may not be written to
    inquiries     when each destination was last asked for such contacts

`asked` of a member is the effect that was asked for last, shortened; `answers` counts
what was answered and what was overtaken by another effect before it was.

A member is known by `remote_key`, the customer's id or a hash of their contact, and by
its hash. What a destination holds changes only by its answer; an attempt that was sent
and not answered leaves its member in doubt. The two are columns of their own: a member
whose change was refused is still there to be removed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.lib.activation.destinations.base import Capabilities, Mode
from orchestration.lib.activation.mapping import Field, FieldMapping
from orchestration.lib.warehouse import connect, literal

#: For a state from before members had a table of their own: what they hold is kept.
_UPGRADE = """
create table activation.members as
select
    destination,
    audience,
    customer_id as remote_key,
    customer_id,
    payload_hash as held_payload_hash,
    cast(null as varchar) as held_field_hashes,
    acknowledged_at as held_since,
    'acknowledged' as last_outcome,
    cast(null as varchar) as outcome_before,
    cast(1 as bigint) as answers,
    cast(null as varchar) as asked
from activation.acknowledged;
alter table activation.members add primary key (destination, audience, remote_key);
drop table activation.acknowledged;
alter table activation.plans add column if not exists fields varchar;
update activation.plans set fields = null;
alter table activation.plans add column retries bigint default 0;
alter table activation.plans add column requests bigint default 0;
alter table activation.plans add column least_seconds double default 0;
alter table activation.plan_rows add column remote_key varchar;
alter table activation.batches add column job_id varchar;
alter table activation.attempts add column remote_key varchar;
update activation.attempts set remote_key = customer_id;
"""

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
    retries bigint not null,
    unchanged bigint not null,
    left_out bigint not null,
    requests bigint not null,
    least_seconds double not null,
    fields varchar not null,
    created_at timestamp not null,
    applied_at timestamp
);
create table if not exists activation.plan_rows (
    plan_id varchar not null,
    operation varchar not null,
    customer_id varchar not null,
    remote_key varchar,
    key_hash varchar,
    payload_hash varchar,
    reason varchar
);
create table if not exists activation.plan_fields (
    plan_id varchar not null,
    key_hash varchar not null,
    field varchar not null,
    before_hash varchar,
    after_hash varchar
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
    job_id varchar,
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
    remote_key varchar not null,
    key_hash varchar not null,
    payload_hash varchar,
    outcome varchar not null,
    error_code varchar,
    attempted_at timestamp not null,
    idempotency_key varchar not null
);
create table if not exists activation.members (
    destination varchar not null,
    audience varchar not null,
    remote_key varchar not null,
    customer_id varchar not null,
    held_payload_hash varchar,
    held_field_hashes varchar,
    held_since timestamp,
    last_outcome varchar not null,
    outcome_before varchar,
    answers bigint not null,
    asked varchar,
    primary key (destination, audience, remote_key)
);
create view if not exists activation.acknowledged as
select
    destination,
    audience,
    customer_id,
    remote_key,
    sha256(remote_key) as key_hash,
    held_payload_hash as payload_hash,
    held_since as acknowledged_at
from activation.members
where held_payload_hash is not null;
create table if not exists activation.suppressions (
    contact_hash varchar not null,
    channel varchar not null,
    reason varchar not null,
    destination varchar not null,
    noted_at timestamp not null
);
create table if not exists activation.inquiries (
    destination varchar primary key,
    asked_at timestamp not null
);
"""


@dataclass(frozen=True, kw_only=True)
class Audience:
    """An audience mart and the consent that its members must have given."""

    name: str
    #: The mart: one row per member with `customer_id`, `decision` and the columns.
    relation: str
    #: Of the contact point in this column.
    channel: str
    purpose: str
    contact_field: str


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
    capabilities: Capabilities
    fields: tuple[Field, ...]
    mode: Mode = "mirror"
    limits: Limits = Limits()

    @property
    def mapping(self) -> FieldMapping:
        """The fields as the destination wants them."""
        return FieldMapping(self.fields, self.capabilities)

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
        # Each checkpoint writes the members' index anew: at the default of 16 MiB that
        # was a third of the time of a large sync. What a crash leaves is read back.
        connection.execute("set checkpoint_threshold = '256MiB'")
        # Beyond it plans go on on disk: an audience may be of any size.
        connection.execute("set memory_limit = '1GiB'")
        _upgrade(connection)
        connection.execute(_TABLES)
        connection.execute(
            "alter table activation.members add column if not exists asked varchar"
        )
        connection.execute(f"attach {literal(str(marts_file))} as marts (read_only)")
        yield connection


def _upgrade(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute(
        "select count(*) from duckdb_tables() where database_name = 'activation'"
        " and table_name = 'acknowledged'"
    ).fetchone()
    if row and row[0]:
        for statement in filter(str.strip, _UPGRADE.split(";")):
            connection.execute(statement)


def now() -> datetime:
    """The time of what is planned, sent, answered or released, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)
