"""What a sync would do, row by row, under an id made of its content.

The desired members are those of the audience mart that it decides to send to *and*
whose contact, as it would be sent, has a granted and unsuppressed consent of theirs in
`customer_consents`: a mart that decides wrongly still cannot send. A contact that a
destination called unsubscribed, bounced or invalid since they consented is not sent to
either, before any model knows of it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb

from orchestration.lib.activation.guards import problems, record_holds
from orchestration.lib.activation.state import Sync, now
from orchestration.lib.warehouse import literal, quoted

#: In the order in which they are sent: who leaves, leaves first.
OPERATIONS = ("remove", "change", "update", "add")

#: Those about members of the audience: one for each with whom something is to be done.
_ABOUT_MEMBERS = ("change", "update", "add", "left_out")

#: SQL over members: the last request was not answered.
IS_UNANSWERED = "last_outcome in ('sending', 'unknown')"
#: The same, or the one before that was not: a refusal now does not undo its effect.
IS_IN_DOUBT = (
    f"({IS_UNANSWERED} or last_outcome = 'rejected' and outcome_before = 'unknown')"
)


class PlanRefused(RuntimeError):
    """A plan cannot be made or applied; nothing was sent."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A plan as it is stored; its rows are in `activation.plan_rows`."""

    plan_id: str
    audience: str
    destination: str
    as_of: date
    status: str
    adds: int
    changes: int
    removes: int
    #: How many of these were refused or not answered before.
    retries: int
    unchanged: int
    left_out: int
    #: What it takes: requests, and seconds at the least by the destination's rates.
    requests: int
    least_seconds: float

    @property
    def operations(self) -> int:
        """Members that the plan would send something about."""
        return self.adds + self.changes + self.removes


def write_plan(connection: duckdb.DuckDBPyConnection, sync: Sync, as_of: date) -> Plan:
    """Compute the plan of a sync and store it; the same state gives the same plan.

    Raises:
        PlanRefused: the audience has a member twice, or members without an id.
    """
    members = _count_members(connection, sync)
    _compute(connection, sync)
    _explain_removals(connection, sync)
    plan_id = _content_id(connection, sync, "computed_rows")
    stored = read_plan(connection, plan_id)
    if stored is not None and stored.status != "planned":
        return stored
    counts: dict[str, int] = dict(
        connection.execute(
            """
            select operation, count(*) from computed_rows group by operation
            union all
            select 'retry', count(*) from computed_rows
            where operation <> 'left_out' and reason in ('rejected', 'in_doubt')
            """
        ).fetchall()
    )
    about_members = sum(counts.get(name, 0) for name in _ABOUT_MEMBERS)
    unchanged = members - about_members
    fields = sync.mapping.describe(column_types(connection, sync))
    holds = problems(connection, sync, fields, unchanged)
    operations = sum(counts.get(name, 0) for name in OPERATIONS)
    requests = -(-operations // sync.capabilities.batch_rows)
    connection.begin()
    connection.execute(
        "update activation.plans set status = 'superseded'"
        f" where {sync.is_it} and status = 'planned'"
    )
    for table in ("plans", "plan_rows", "plan_fields", "holds"):
        connection.execute(
            f"delete from activation.{table} where plan_id = ?", [plan_id]
        )
    row = {
        "plan_id": plan_id,
        "audience": sync.audience.name,
        "destination": sync.destination,
        "as_of": as_of,
        "status": "planned",
        "adds": counts.get("add", 0),
        "changes": counts.get("change", 0) + counts.get("update", 0),
        "removes": counts.get("remove", 0),
        "retries": counts.get("retry", 0),
        "unchanged": unchanged,
        "left_out": counts.get("left_out", 0),
        "requests": requests,
        "least_seconds": sync.capabilities.least_seconds(requests),
        "fields": fields,
        "created_at": now(),
    }
    connection.execute(
        f"insert into activation.plans ({', '.join(row)})"
        f" values ({', '.join('?' * len(row))})",
        list(row.values()),
    )
    record_holds(connection, plan_id, holds)
    if operations or counts.get("left_out"):
        connection.execute(
            """
            insert into activation.plan_rows by name
            select
                ? as plan_id,
                operation,
                customer_id,
                remote_key,
                sha256(remote_key) as key_hash,
                payload_hash,
                reason
            from computed_rows
            order by operation, remote_key, customer_id
            """,
            [plan_id],
        )
    _record_fields(connection, sync, plan_id)
    connection.commit()
    plan = read_plan(connection, plan_id)
    assert plan is not None, "the plan was just written"
    return plan


def read_plan(connection: duckdb.DuckDBPyConnection, plan_id: str) -> Plan | None:
    """A stored plan, or None."""
    names = tuple(Plan.__dataclass_fields__)
    row = connection.execute(
        f"select {', '.join(names)} from activation.plans where plan_id = ?", [plan_id]
    ).fetchone()
    return Plan(**dict(zip(names, row, strict=True))) if row else None


def left_out(connection: duckdb.DuckDBPyConnection, plan_id: str) -> dict[str, int]:
    """How many members a plan leaves out, by reason."""
    rows: list[Any] = connection.execute(
        """
        select reason, count(*)
        from activation.plan_rows
        where plan_id = ? and operation = 'left_out'
        group by reason
        order by count(*) desc, reason
        """,
        [plan_id],
    ).fetchall()
    return dict(rows)


def changed_fields(
    connection: duckdb.DuckDBPyConnection, plan_id: str
) -> dict[str, int]:
    """How many members a plan changes each field of."""
    rows: list[Any] = connection.execute(
        """
        select field, count(*)
        from activation.plan_fields
        where plan_id = ?
        group by field
        order by count(*) desc, field
        """,
        [plan_id],
    ).fetchall()
    return dict(rows)


def stored_content_id(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str
) -> str:
    """The id that the stored rows of a plan make: another one if they were altered."""
    connection.execute(
        "create or replace temp table stored_rows as"
        " select * from activation.plan_rows where plan_id = ?",
        [plan_id],
    )
    return _content_id(connection, sync, "stored_rows")


def column_types(connection: duckdb.DuckDBPyConnection, sync: Sync) -> dict[str, str]:
    """The audience's columns with their types."""
    return {
        name: data_type.lower()
        for name, data_type, *_ in connection.execute(
            f"describe marts.{quoted(sync.audience.relation)}"
        ).fetchall()
    }


def _count_members(connection: duckdb.DuckDBPyConnection, sync: Sync) -> int:
    """How many rows the audience has, which is one per member."""
    row = connection.execute(
        "select count(*), count(distinct customer_id)"
        f" from marts.{quoted(sync.audience.relation)}"
    ).fetchone()
    assert row is not None, "an aggregate gives a row"
    rows, members = row
    if rows > members:
        raise PlanRefused(
            f"{sync.audience.relation} holds {rows - members} members twice or without"
            " an id"
        )
    return int(rows)


def _compute(connection: duckdb.DuckDBPyConnection, sync: Sync) -> None:
    """Temporary table `computed_rows`: everybody with whom something is to be done.

    The audience and what the destination holds are read once and joined once; of those
    with whom nothing is to be done nothing is kept.
    """
    audience, mapping, can = sync.audience, sync.mapping, sync.capabilities
    # Whoever a destination knows by their contact may be two customers of ours.
    is_shared = (
        "false"
        if can.key == "{customer_id}"
        else "row_number() over (partition by remote_key, reason is null"
        " order by customer_id) > 1"
    )
    new = "update" if sync.mode == "update" else "add"
    changed = "unchanged" if sync.mode == "create" else "change"
    doubtful = "left_out" if can.in_doubt_by == "none" else "change"
    connection.execute(
        f"""
        create or replace temp table computed_rows as
        with

        suppressed as (

            select contact_hash, max(noted_at) as noted_at
            from activation.suppressions
            where channel = {literal(audience.channel)}
            group by contact_hash

        ),

        consents as (

            select consents.customer_id, consents.contact_point_hash
            from marts.customer_consents as consents
            left join suppressed
                on suppressed.contact_hash = consents.contact_point_hash
            where
                consents.channel = {literal(audience.channel)}
                and consents.purpose = {literal(audience.purpose)}
                and consents.is_granted
                and consents.suppression_reason is null
                and (
                    suppressed.noted_at is null
                    or suppressed.noted_at < consents.decided_at
                )

        ),

        judged as (

            select
                members.customer_id,
                {mapping.key("members")} as remote_key,
                sha256({mapping.payload("members")}) as payload_hash,
                case
                    when members.decision <> 'send' then members.decision
                    when not coalesce(
                        (
                            members.customer_id,
                            sha256(members.{quoted(audience.contact_field)})
                        ) in (select (customer_id, contact_point_hash) from consents),
                        false
                    ) then 'no_current_consent'
                    else {mapping.missing("members")}
                end as reason
            from marts.{quoted(audience.relation)} as members

        ),

        desired as (

            select
                customer_id,
                remote_key,
                payload_hash,
                case
                    when reason is not null then reason
                    when remote_key is null then 'no_contact'
                    when {is_shared} then 'contact_of_another'
                end as reason
            from judged

        ),

        known as (

            select
                customer_id,
                remote_key,
                held_payload_hash,
                last_outcome,
                coalesce({IS_IN_DOUBT}, false) as is_in_doubt
            from activation.members
            where {sync.is_it}

        ),

        compared as (

            select
                case
                    when desired.customer_id is null then 'remove'
                    when desired.reason is not null then 'left_out'
                    when known.is_in_doubt and known.held_payload_hash is null
                        then {literal(doubtful if doubtful == "left_out" else new)}
                    when known.is_in_doubt then {literal(doubtful)}
                    when known.held_payload_hash is null then {literal(new)}
                    when known.held_payload_hash <> desired.payload_hash
                        then {literal(changed)}
                    else 'unchanged'
                end as operation,
                coalesce(desired.customer_id, known.customer_id) as customer_id,
                coalesce(desired.remote_key, known.remote_key) as remote_key,
                case when desired.reason is null then desired.payload_hash end
                    as payload_hash,
                case
                    when desired.customer_id is null then null
                    when desired.reason is not null then desired.reason
                    when known.last_outcome = 'rejected' then 'rejected'
                    when known.is_in_doubt then 'in_doubt'
                end as reason,
                desired.reason is not null as is_refused
            from desired
            full outer join known
                on known.remote_key
                = case when desired.reason is null then desired.remote_key end
            where
                desired.customer_id is not null
                or known.held_payload_hash is not null
                or known.is_in_doubt

        )

        select * from compared where operation <> 'unchanged'
        """
    )


def _explain_removals(connection: duckdb.DuckDBPyConnection, sync: Sync) -> None:
    """Say why members leave, and let those stay who are not to be removed."""
    connection.execute(
        f"""
        update computed_rows
        set reason = found.reason
        from (
            select
                removed.remote_key,
                coalesce(
                    -- whoever has the contact now
                    min(same_contact.reason),
                    min(same_member.reason),
                    case
                        when count(members.customer_id) > 0 then 'contact_changed'
                        else 'not_in_audience'
                    end
                ) as reason
            from computed_rows as removed
            left join computed_rows as same_contact
                on same_contact.remote_key = removed.remote_key
                and same_contact.is_refused
            left join computed_rows as same_member
                on same_member.customer_id = removed.customer_id
                and same_member.is_refused
            left join marts.{quoted(sync.audience.relation)} as members
                on members.customer_id = removed.customer_id
            where removed.operation = 'remove'
            group by removed.remote_key
        ) as found
        where
            computed_rows.operation = 'remove'
            and computed_rows.remote_key = found.remote_key
        """
    )
    stays = "true"
    if sync.capabilities.can_remove:
        stays = "reason = 'not_in_audience'" if sync.mode != "mirror" else "false"
    connection.execute(
        f"delete from computed_rows where operation = 'remove' and {stays}"
    )


def _record_fields(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str
) -> None:
    """Note which fields the changes of the plan change, by their hashes."""
    mapping = sync.mapping
    each = ", ".join(
        f"{{field: {literal(field.name)},"
        f" before_hash: json_extract_string(before, {literal(path)}),"
        f" after_hash: json_extract_string(after, {literal(path)})}}"
        for field in mapping.fields
        for path in [f'$."{field.name}"']
    )
    connection.execute(
        f"""
        insert into activation.plan_fields
        select
            plan_id, sha256(remote_key), each.field, each.before_hash, each.after_hash
        from (
            select plan_id, remote_key, unnest([{each}]) as each
            from (
                select
                    plan_rows.plan_id,
                    plan_rows.remote_key,
                    known.held_field_hashes as before,
                    {mapping.hashes("members", "plan_rows.remote_key")} as after
                from activation.plan_rows
                inner join activation.members as known
                    on known.remote_key = plan_rows.remote_key
                    and known.destination = {literal(sync.destination)}
                    and known.audience = {literal(sync.audience.name)}
                inner join marts.{quoted(sync.audience.relation)} as members
                    on members.customer_id = plan_rows.customer_id
                where
                    plan_rows.plan_id = ?
                    and plan_rows.operation = 'change'
                    and known.held_field_hashes is not null
            )
        )
        where each.before_hash is distinct from each.after_hash
        order by remote_key, each.field
        """,
        [plan_id],
    )


def _content_id(
    connection: duckdb.DuckDBPyConnection, sync: Sync, relation: str
) -> str:
    """A hash over what the plan does, to whom, after how much was answered before.

    Rows are hashed one by one and the hashes joined by exclusive or, as a list of a
    million rows in one text would not fit; no row is there twice.
    """
    row = connection.execute(
        f"""
        select
            sha256(
                concat_ws(
                    '|',
                    {literal(sync.audience.name)},
                    {literal(sync.destination)},
                    {literal(sync.mode)},
                    {_answered_batches(connection, sync)},
                    count(*),
                    bit_xor(md5_number(concat_ws(
                        ':', operation, customer_id, coalesce(remote_key, '-'),
                        coalesce(payload_hash, '-'), coalesce(reason, '-')
                    )))
                )
            )
        from {relation}
        """
    ).fetchone()
    assert row is not None, "an aggregate gives a row"
    return str(row[0])[:16]


def _answered_batches(connection: duckdb.DuckDBPyConnection, sync: Sync) -> int:
    """How many requests of this sync were ever answered: another plan after each."""
    row = connection.execute(
        f"select count(*) from activation.batches where {sync.is_it}"
        " and state = 'answered'"
    ).fetchone()
    return int(row[0]) if row else 0
