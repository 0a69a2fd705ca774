"""Before and after: what is about to be sent, and what was answered.

The intent of a round of requests is committed before the first of them leaves, with all
its members in doubt; its answers in one transaction with what the destination holds
since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.lib.activation.destinations.base import ACKNOWLEDGED, Answers
from orchestration.lib.activation.plan import IS_IN_DOUBT
from orchestration.lib.activation.requests import Part
from orchestration.lib.activation.state import Sync, now
from orchestration.lib.warehouse import literal, quoted

_NUMBERS = ("place", "first_place", "row_count")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What was said of the rows of a request."""

    part: Part
    answers: Answers
    #: The outcome of those of whom nothing was said.
    otherwise: str
    #: Of the request: `sending`, `answered`, `unknown`, or `not_sent` when surely
    #: nothing came of it, after which its members are as they were before.
    state: str


@dataclass(frozen=True)
class Told:
    """Rows of `outgoing` with what was said of each, and their requests."""

    #: A relation with `request_key`, `outcome`, `error_code` and `feedback` beside the
    #: columns of `outgoing`.
    rows: str
    #: A relation with `request_key`, `row_count` and `state`.
    requests: str
    #: Whether any contact is not to be written to.
    has_feedback: bool = False


def told(connection: duckdb.DuckDBPyConnection, round_: Sequence[Said]) -> Told:
    """What was said of these requests and of their rows.

    Of a request that was answered, rows are listed one by one only where they were not
    simply acknowledged.
    """
    batches = [said.part.batch for said in round_]
    _register(
        connection,
        "answered_requests",
        request_key=[batch.idempotency_key for batch in batches],
        first_place=[said.part.first for said in round_],
        row_count=[len(batch.rows) for batch in batches],
        state=[said.state for said in round_],
        outcome=["acknowledged" if said.answers else said.otherwise for said in round_],
    )
    others = [
        (place, said.otherwise, answer)
        for said in round_
        if said.answers
        for place, row in enumerate(said.part.batch.rows, said.part.first)
        if (answer := said.answers.get(row.remote_key)) is not ACKNOWLEDGED
    ]
    _register(
        connection,
        "answered_rows",
        place=[place for place, _, _ in others],
        outcome=[each.outcome if each else otherwise for _, otherwise, each in others],
        error_code=[each.error_code if each else None for _, _, each in others],
        feedback=[each.feedback if each else None for _, _, each in others],
    )
    return Told(
        rows="""(
            select
                outgoing.*,
                requests.request_key,
                coalesce(others.outcome, requests.outcome) as outcome,
                others.error_code,
                others.feedback
            from (
                select
                    request_key,
                    outcome,
                    unnest(range(first_place, first_place + row_count)) as place
                from answered_requests
            ) as requests
            inner join outgoing using (place)
            left join answered_rows as others using (place)
        )""",
        requests="answered_requests",
        has_feedback=any(each and each.feedback for _, _, each in others),
    )


def told_of_all(key: str, outcome: str, state: str) -> Told:
    """The same of everything that is to be sent, for what is sent at once."""
    return Told(
        rows=f"""(
            select
                *,
                {literal(key)} as request_key,
                {literal(outcome)} as outcome,
                cast(null as varchar) as error_code,
                cast(null as varchar) as feedback
            from outgoing
        )""",
        requests=f"""(
            select
                {literal(key)} as request_key,
                count(*) as row_count,
                {literal(state)} as state
            from outgoing
        )""",
    )


def record_intent(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str, told: Told
) -> None:
    """Write down what is about to be sent; committed before the first request."""
    connection.begin()
    connection.execute(
        f"""
        insert or replace into activation.batches by name
        select
            request_key as idempotency_key,
            ? as plan_id,
            ? as audience,
            ? as destination,
            row_count,
            state,
            cast(null as varchar) as job_id,
            cast(? as timestamp) as sent_at,
            cast(null as timestamp) as answered_at
        from {told.requests}
        """,
        [plan_id, sync.audience.name, sync.destination, now()],
    )
    _append_attempts(connection, sync, plan_id, told)
    connection.execute(
        f"""
        insert into activation.members
        select
            ?, ?, remote_key, customer_id, null, null, null, outcome, null, answers,
            asked
        from {told.rows}
        on conflict do update set
            customer_id = excluded.customer_id,
            answers = excluded.answers,
            asked = excluded.asked,
            outcome_before = case
                when {IS_IN_DOUBT} then 'unknown' else last_outcome
            end,
            last_outcome = excluded.last_outcome
        """,
        [sync.destination, sync.audience.name],
    )
    connection.commit()


def record_job(connection: duckdb.DuckDBPyConnection, key: str, job: str) -> None:
    """Write down the job that a request became, so that its end can be asked for."""
    connection.execute(
        "update activation.batches set job_id = ? where idempotency_key = ?", [job, key]
    )


def record_answers(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str, told: Told
) -> None:
    """Write down what was answered, and what the destination holds since."""
    connection.begin()
    _append_attempts(connection, sync, plan_id, told)
    connection.execute(
        f"""
        insert into activation.members
        select
            ?,
            ?,
            remote_key,
            customer_id,
            case when operation <> 'remove' then payload_hash end,
            case when operation <> 'remove' then field_hashes end,
            case when operation <> 'remove' then cast(? as timestamp) end,
            outcome,
            null,
            cast(outcome in ('acknowledged', 'rejected', 'absent') as bigint),
            null
        from {told.rows}
        on conflict do update set
            held_payload_hash = case
                when excluded.last_outcome = 'acknowledged'
                    then excluded.held_payload_hash
                else held_payload_hash
            end,
            held_field_hashes = case
                when excluded.last_outcome = 'acknowledged'
                    then excluded.held_field_hashes
                else held_field_hashes
            end,
            held_since = case
                when excluded.last_outcome = 'acknowledged' then excluded.held_since
                else held_since
            end,
            last_outcome = case
                when excluded.last_outcome <> 'not_sent' then excluded.last_outcome
                else coalesce(outcome_before, 'not_sent')
            end,
            answers = answers + excluded.answers
        """,
        [sync.destination, sync.audience.name, now()],
    )
    if told.has_feedback:
        connection.execute(
            f"""
            insert into activation.suppressions
            select
                sha256(members.{quoted(sync.audience.contact_field)}),
                {literal(sync.audience.channel)},
                told.feedback,
                {literal(sync.destination)},
                ?
            from {told.rows} as told
            inner join marts.{quoted(sync.audience.relation)} as members
                on members.customer_id = told.customer_id
            where
                told.feedback is not null
                and members.{quoted(sync.audience.contact_field)} is not null
            order by told.place
            """,
            [now()],
        )
    connection.execute(
        f"""
        update activation.batches
        set state = told.state, answered_at = ?
        from {told.requests} as told
        where idempotency_key = told.request_key
        """,
        [now()],
    )
    connection.commit()


def _append_attempts(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str, told: Told
) -> None:
    connection.execute(
        f"""
        insert into activation.attempts by name
        select
            nextval('activation.attempt_numbers') as attempt_id,
            ? as plan_id,
            ? as destination,
            ? as audience,
            operation,
            customer_id,
            remote_key,
            key_hash,
            payload_hash,
            outcome,
            error_code,
            cast(? as timestamp) as attempted_at,
            request_key as idempotency_key
        from (from {told.rows} order by place)
        """,
        [plan_id, sync.destination, sync.audience.name, now()],
    )


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, **columns: list[Any]
) -> None:
    """A table of one row per answer or request: numbers and texts."""
    connection.register(
        name,
        pa.table(
            {
                column: pa.array(
                    values,
                    pa.int64() if column in _NUMBERS else pa.string(),
                )
                for column, values in columns.items()
            }
        ),
    )
