"""Before and after: what is about to be sent, and what was answered.

The intent of a request is committed before it leaves, with all its members in doubt;
its answers in one transaction with what the destination holds since.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from orchestration.lib.activation.destinations.base import Answers
from orchestration.lib.activation.plan import IN_DOUBT
from orchestration.lib.activation.requests import Part
from orchestration.lib.activation.state import Sync, now
from orchestration.lib.warehouse import literal, quoted


@dataclass(frozen=True)
class Told:
    """Rows of `outgoing` with what was said of each."""

    #: A relation with `outcome`, `error_code` and `feedback` beside their columns.
    sql: str
    #: Whether any contact is not to be written to.
    has_feedback: bool = False


def told(
    connection: duckdb.DuckDBPyConnection,
    part: Part,
    answers: Answers,
    otherwise: str,
) -> Told:
    """The rows of a request with what was said of each.

    Args:
        answers: what was said.
        otherwise: the outcome of those it was not said of.
    """
    found = [(row.remote_key, answers.get(row.remote_key)) for row in part.batch.rows]
    columns = {
        "remote_key": [key for key, _ in found],
        "outcome": [each.outcome if each else otherwise for _, each in found],
        "error_code": [each.error_code if each else None for _, each in found],
        "feedback": [each.feedback if each else None for _, each in found],
    }
    connection.register(
        "answered",
        pa.table({name: pa.array(v, pa.string()) for name, v in columns.items()}),
    )
    last = part.first + len(found) - 1
    return Told(
        f"""(
            select outgoing.*, outcome, error_code, feedback
            from outgoing inner join answered using (remote_key)
            where place between {part.first} and {last}
        )""",
        has_feedback=any(answer.feedback for answer in answers.values()),
    )


def told_of_all(outcome: str) -> Told:
    """The same of everything that is to be sent, for what is sent at once."""
    return Told(
        f"""(
            select
                *,
                {literal(outcome)} as outcome,
                cast(null as varchar) as error_code,
                cast(null as varchar) as feedback
            from outgoing
        )"""
    )


def record_intent(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan_id: str,
    key: str,
    told: Told,
) -> None:
    """Write down what is about to be sent; committed before the request."""
    connection.begin()
    connection.execute(
        f"""
        insert or replace into activation.batches by name
        select
            ? as idempotency_key,
            ? as plan_id,
            ? as audience,
            ? as destination,
            count(*) as row_count,
            'sending' as state,
            cast(null as varchar) as job_id,
            cast(? as timestamp) as sent_at,
            cast(null as timestamp) as answered_at
        from {told.sql}
        """,
        [key, plan_id, sync.audience.name, sync.destination, now()],
    )
    _append_attempts(connection, sync, plan_id, key, told)
    connection.execute(
        f"""
        insert into activation.members
        select
            ?, ?, remote_key, customer_id, null, null, null, 'sending', null, 0
        from {told.sql}
        on conflict do update set
            customer_id = excluded.customer_id,
            outcome_before = case
                when last_outcome in {IN_DOUBT} then 'unknown' else last_outcome
            end,
            last_outcome = 'sending'
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
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan_id: str,
    key: str,
    told: Told,
    *,
    state: str,
) -> None:
    """Write down what was answered, and what the destination holds since.

    Args:
        state: of the request: `answered`, `unknown`, or `not_sent` when surely nothing
            came of it, after which its members are as they were before.
    """
    connection.begin()
    _append_attempts(connection, sync, plan_id, key, told)
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
            cast(outcome in ('acknowledged', 'rejected', 'absent') as bigint)
        from {told.sql}
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
            from {told.sql} as told
            inner join marts.{quoted(sync.audience.relation)} as members
                on members.customer_id = told.customer_id
            where
                told.feedback is not null
                and members.{quoted(sync.audience.contact_field)} is not null
            """,
            [now()],
        )
    connection.execute(
        "update activation.batches set state = ?, answered_at = ?"
        " where idempotency_key = ?",
        [state, now(), key],
    )
    connection.commit()


def _append_attempts(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan_id: str,
    key: str,
    told: Told,
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
            ? as idempotency_key
        from (from {told.sql} order by place)
        """,
        [plan_id, sync.destination, sync.audience.name, now(), key],
    )
