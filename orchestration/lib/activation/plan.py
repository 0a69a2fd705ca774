"""What a sync would do, row by row, under an id made of its content.

The desired members are those of the audience mart that it decides to send to *and*
whose contact, as it would be sent, has a granted and unsuppressed consent of theirs in
`customer_consents`: a mart that decides wrongly still cannot send.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import duckdb

from orchestration.lib.activation.guards import problems, record_holds
from orchestration.lib.activation.state import Sync, answered_batches, in_doubt
from orchestration.lib.warehouse import literal, quoted

OPERATIONS = ("remove", "change", "add")


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
    unchanged: int
    left_out: int

    @property
    def operations(self) -> int:
        """Members that the plan would send something about."""
        return self.adds + self.changes + self.removes


def payload(sync: Sync, members: str = "members") -> str:
    """SQL of a member's payload as JSON, fields in their declared order."""
    fields = ", ".join(
        f"{literal(name)}: {members}.{quoted(name)}" for name in sync.audience.fields
    )
    return f"cast(to_json({{{fields}}}) as varchar)"


def write_plan(connection: duckdb.DuckDBPyConnection, sync: Sync, as_of: date) -> Plan:
    """Compute the plan of a sync and store it; the same state gives the same plan.

    Raises:
        PlanRefused: the audience has a member twice, or members without an id.
    """
    _compute(connection, sync)
    _refuse_repeated_members(connection, sync)
    plan_id = _content_id(connection, sync, "computed_rows")
    counts: dict[str, int] = dict(
        connection.execute(
            "select operation, count(*) from computed_rows group by operation"
        ).fetchall()
    )
    stored = read_plan(connection, plan_id)
    if stored is not None and stored.status != "planned":
        return stored
    fields = _fields(connection, sync)
    holds = problems(connection, sync, fields)
    connection.begin()
    connection.execute(
        "update activation.plans set status = 'superseded'"
        f" where {sync.is_it} and status = 'planned'"
    )
    for table in ("plans", "plan_rows", "holds"):
        connection.execute(
            f"delete from activation.{table} where plan_id = ?", [plan_id]
        )
    connection.execute(
        """
        insert into activation.plans
        values (?, ?, ?, ?, 'planned', ?, ?, ?, ?, ?, ?, null, ?)
        """,
        [
            plan_id,
            sync.audience.name,
            sync.destination,
            as_of,
            counts.get("add", 0),
            counts.get("change", 0),
            counts.get("remove", 0),
            counts.get("unchanged", 0),
            counts.get("left_out", 0),
            datetime.now(UTC).replace(tzinfo=None),
            fields,
        ],
    )
    record_holds(connection, plan_id, holds)
    connection.execute(
        """
        insert into activation.plan_rows
        select ?, operation, customer_id, key_hash, payload_hash, reason
        from computed_rows
        where operation <> 'unchanged'
        order by operation, key_hash
        """,
        [plan_id],
    )
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


def _fields(connection: duckdb.DuckDBPyConnection, sync: Sync) -> str:
    """Names and types of what is sent, in its order."""
    types = {
        name: data_type.lower()
        for name, data_type, *_ in connection.execute(
            f"describe marts.{quoted(sync.audience.relation)}"
        ).fetchall()
    }
    return ", ".join(f"{name} {types[name]}" for name in sync.audience.fields)


def _refuse_repeated_members(connection: duckdb.DuckDBPyConnection, sync: Sync) -> None:
    row = connection.execute(
        "select count(*) - count(distinct customer_id)"
        f" from marts.{quoted(sync.audience.relation)}"
    ).fetchone()
    if row and row[0]:
        raise PlanRefused(
            f"{sync.audience.relation} holds {row[0]} members twice or without an id"
        )


def _compute(connection: duckdb.DuckDBPyConnection, sync: Sync) -> None:
    """Temporary table `computed_rows`: every member with what is to be done."""
    audience = sync.audience
    connection.execute(
        f"""
        create or replace temp table computed_rows as
        with

        consents as (

            select distinct customer_id, contact_point_hash
            from marts.customer_consents
            where
                channel = {literal(audience.channel)}
                and purpose = {literal(audience.purpose)}
                and is_granted
                and suppression_reason is null

        ),

        members as (

            select
                members.customer_id,
                sha256(members.customer_id) as key_hash,
                sha256({payload(sync)}) as payload_hash,
                case
                    when members.decision <> 'send' then members.decision
                    when consents.customer_id is null then 'no_current_consent'
                end as reason
            from marts.{quoted(audience.relation)} as members
            left join consents
                on consents.customer_id = members.customer_id
                and consents.contact_point_hash
                = sha256(members.{quoted(audience.contact_field)})

        ),

        held as (

            select customer_id, key_hash, payload_hash
            from activation.acknowledged
            where {sync.is_it}

        ),

        doubtful as (

            select
                attempts.key_hash,
                max(attempts.customer_id) as customer_id
            from activation.attempts
            where {sync.is_it} and attempts.key_hash in ({in_doubt(sync)})
            group by attempts.key_hash

        ),

        wanted as (

            select
                case
                    when held.key_hash is null then 'add'
                    when
                        held.payload_hash <> members.payload_hash
                        or doubtful.key_hash is not null
                        then 'change'
                    else 'unchanged'
                end as operation,
                members.customer_id,
                members.key_hash,
                members.payload_hash,
                cast(null as varchar) as reason
            from members
            left join held on held.key_hash = members.key_hash
            left join doubtful on doubtful.key_hash = members.key_hash
            where members.reason is null

        ),

        -- what is at the destination, or may be, and should not be
        unwanted as (

            select
                'remove' as operation,
                present.customer_id,
                present.key_hash,
                cast(null as varchar) as payload_hash,
                coalesce(members.reason, 'not_in_audience') as reason
            from (
                select customer_id, key_hash from held
                union
                select customer_id, key_hash from doubtful
            ) as present
            left join members on members.key_hash = present.key_hash
            where members.key_hash is null or members.reason is not null

        ),

        passed_over as (

            select
                'left_out' as operation,
                customer_id,
                key_hash,
                cast(null as varchar) as payload_hash,
                reason
            from members
            where reason is not null

        )

        select * from wanted
        union all
        select * from unwanted
        union all
        select * from passed_over
        """
    )


def _content_id(
    connection: duckdb.DuckDBPyConnection, sync: Sync, relation: str
) -> str:
    """A hash over what the plan does, to whom, after how much was answered before."""
    row = connection.execute(
        f"""
        select
            sha256(
                concat_ws(
                    '|',
                    {literal(sync.audience.name)},
                    {literal(sync.destination)},
                    {answered_batches(connection, sync)},
                    coalesce(
                        string_agg(
                            concat_ws(
                                ':', operation, key_hash, coalesce(payload_hash, '-'),
                                coalesce(reason, '-')
                            ),
                            ','
                            order by operation, key_hash
                        ),
                        'nothing'
                    )
                )
            )
        from {relation}
        where operation <> 'unchanged'
        """
    ).fetchone()
    assert row is not None, "an aggregate gives a row"
    return str(row[0])[:16]
