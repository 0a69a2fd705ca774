"""Doing exactly what a plan says, so that a crash anywhere is followed by a rerun.

Every request is written down before it is sent and answered member by member after;
between the two its members are in doubt. A plan that is made again after a crash
leaves out what was answered and starts with the very batch that was not, under the
same idempotency key: what had arrived has no second effect.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from orchestration.lib.activation.destinations.base import (
    Answer,
    Batch,
    Destination,
    DestinationUnavailable,
    Row,
)
from orchestration.lib.activation.guards import admit, held_because, is_released
from orchestration.lib.activation.plan import (
    OPERATIONS,
    Plan,
    PlanRefused,
    payload,
    read_plan,
    stored_content_id,
    write_plan,
)
from orchestration.lib.activation.state import Sync, answered_batches
from orchestration.lib.warehouse import literal, quoted


class PlanHeld(PlanRefused):
    """A guard holds the plan until a person releases it."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of applying a plan."""

    plan_id: str
    sent: int
    acknowledged: int
    rejected: int
    #: Members whose fate is unknown, and why the run stopped, if it did.
    unknown: int
    problem: str | None

    @property
    def is_complete(self) -> bool:
        """Whether the destination acknowledged everything that was planned."""
        return self.problem is None and self.sent == self.acknowledged


def apply_plan(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan_id: str,
    destination: Destination,
    *,
    closed_because: Sequence[str] = (),
) -> Applied:
    """Send a plan and record every answer.

    Args:
        connection: the activation state, with the marts attached.
        closed_because: reasons of the gate; any of them refuses the plan.

    Raises:
        PlanRefused: the gate is closed, the plan is unknown or was altered, or the
            data has moved on since it was made.
        PlanHeld: it looks like a mistake, and nobody said that it is none.
    """
    plan = _checked(connection, sync, plan_id, closed_because)
    counts = {"acknowledged": 0, "rejected": 0, "unknown": 0}
    problem = None
    for batch in _batches(connection, sync, plan, destination.batch_rows):
        _record_intent(connection, sync, plan, batch)
        try:
            answers = destination.send(batch)
        except DestinationUnavailable as error:
            problem = f"{sync.destination}: {error}"
            _record_answers(connection, sync, plan, batch, {}, is_answered=False)
            counts["unknown"] += len(batch.rows)
            break
        _record_answers(connection, sync, plan, batch, answers, is_answered=True)
        for row in batch.rows:
            answer = answers.get(row.key_hash)
            counts[answer.outcome if answer else "unknown"] += 1
    if counts["rejected"] or (counts["unknown"] and not problem):
        problem = (
            f"{sync.destination} refused {counts['rejected']} members and did not"
            f" answer for {counts['unknown']}: see activation.attempts"
        )
    destination.settle(
        sync.audience.name, sync.audience.fields, _members(connection, sync)
    )
    connection.execute(
        "update activation.plans set status = ?, applied_at = ? where plan_id = ?",
        ["incomplete" if problem else "applied", _now(), plan_id],
    )
    return Applied(
        plan_id=plan_id, sent=sum(counts.values()), problem=problem, **counts
    )


def _checked(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan_id: str,
    closed_because: Sequence[str],
) -> Plan:
    plan = read_plan(connection, plan_id)
    if plan is None:
        raise PlanRefused(f"there is no plan {plan_id}: make one with `crm360 plan`")
    if closed_because:
        raise PlanRefused(f"nothing leaves: {'; '.join(closed_because)}")
    if plan.status == "applied" and plan.operations:
        raise PlanRefused(f"plan {plan_id} was applied already: nothing is left of it")
    if stored_content_id(connection, sync, plan_id) != plan_id:
        raise PlanRefused(
            f"plan {plan_id} is not what was planned: its rows were altered, or some of"
            " it was sent since; make a new one with `crm360 plan`"
        )
    if write_plan(connection, sync, plan.as_of).plan_id != plan_id:
        raise PlanRefused(
            f"the data has moved on since plan {plan_id} was made: look at a new one"
            " with `crm360 plan`"
        )
    if is_released(connection, sync, plan_id):
        return plan
    holds = held_because(connection, plan_id)
    if holds:
        raise PlanHeld(
            f"plan {plan_id} is held, because {'; '.join(holds)}. Look at it with"
            f" `crm360 plan`; if it is right, `crm360 release {plan_id} --reason TEXT`"
        )
    admit(connection, plan_id)
    return plan


def _batches(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan: Plan, batch_rows: int
) -> Iterator[Batch]:
    """The plan in requests: who leaves first, then changes, then additions."""
    order = " ".join(
        f"when {literal(operation)} then {place}"
        for place, operation in enumerate(OPERATIONS)
    )
    connection.execute(
        f"""
        create or replace temp table outgoing as
        select
            plan_rows.operation,
            plan_rows.customer_id,
            plan_rows.key_hash,
            plan_rows.payload_hash,
            case
                when plan_rows.operation <> 'remove' then {payload(sync)}
            end as fields,
            row_number() over (
                order by case plan_rows.operation {order} end, plan_rows.key_hash
            ) - 1 as place
        from activation.plan_rows
        left join marts.{quoted(sync.audience.relation)} as members
            on members.customer_id = plan_rows.customer_id
        where plan_rows.plan_id = ? and plan_rows.operation <> 'left_out'
        """,
        [plan.plan_id],
    )
    for first in range(0, plan.operations, batch_rows):
        rows = _rows(
            connection,
            "select operation, customer_id, key_hash, payload_hash, fields"
            f" from outgoing where place between {first} and {first + batch_rows - 1}"
            " order by place",
        )
        yield Batch(
            audience=sync.audience.name,
            idempotency_key=_idempotency_key(connection, sync, rows),
            rows=rows,
        )


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    return [
        Row(
            operation=operation,
            customer_id=customer_id,
            key_hash=key_hash,
            payload_hash=payload_hash,
            fields=json.loads(fields) if fields else None,
        )
        for operation, customer_id, key_hash, payload_hash, fields in (
            connection.execute(query).fetchall()
        )
    ]


def _idempotency_key(
    connection: duckdb.DuckDBPyConnection, sync: Sync, rows: Sequence[Row]
) -> str:
    content = "|".join(
        [
            sync.audience.name,
            sync.destination,
            str(answered_batches(connection, sync)),
            *(f"{row.operation}:{row.key_hash}:{row.payload_hash}" for row in rows),
        ]
    )
    hashed = connection.execute("select sha256(?)", [content]).fetchone()
    assert hashed is not None, "a hash is a row"
    return str(hashed[0])[:32]


def _record_intent(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan: Plan, batch: Batch
) -> None:
    """Write down what is about to be sent; committed before the request."""
    connection.begin()
    connection.execute(
        "insert or replace into activation.batches"
        " values (?, ?, ?, ?, ?, 'sending', ?, null)",
        [
            batch.idempotency_key,
            plan.plan_id,
            sync.audience.name,
            sync.destination,
            len(batch.rows),
            _now(),
        ],
    )
    _append_attempts(connection, sync, plan, batch, {})
    connection.commit()


def _record_answers(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    batch: Batch,
    answers: dict[str, Answer],
    *,
    is_answered: bool,
) -> None:
    """Write down what was answered, and what the destination holds since."""
    connection.begin()
    _append_attempts(connection, sync, plan, batch, answers, default="unknown")
    connection.execute(
        f"""
        delete from activation.acknowledged
        where {sync.is_it} and key_hash in (
            select key_hash from attempted where outcome = 'acknowledged'
        )
        """
    )
    connection.execute(
        """
        insert into activation.acknowledged
        select ?, ?, customer_id, key_hash, payload_hash, ?
        from attempted
        where outcome = 'acknowledged' and operation <> 'remove'
        """,
        [sync.destination, sync.audience.name, _now()],
    )
    if is_answered:
        connection.execute(
            "update activation.batches set state = 'answered', answered_at = ?"
            " where idempotency_key = ?",
            [_now(), batch.idempotency_key],
        )
    connection.commit()


def _append_attempts(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    batch: Batch,
    answers: dict[str, Answer],
    *,
    default: str = "sending",
) -> None:
    """Append an attempt for every row; leaves them in the relation `attempted`."""
    found = [answers.get(row.key_hash) for row in batch.rows]
    attempted = pa.table(
        {
            "operation": [row.operation for row in batch.rows],
            "customer_id": [row.customer_id for row in batch.rows],
            "key_hash": [row.key_hash for row in batch.rows],
            "payload_hash": pa.array(
                [row.payload_hash for row in batch.rows], pa.string()
            ),
            "outcome": [answer.outcome if answer else default for answer in found],
            "error_code": pa.array(
                [answer.error_code if answer else None for answer in found],
                pa.string(),
            ),
        }
    )
    connection.register("attempted", attempted)
    connection.execute(
        """
        insert into activation.attempts
        select
            nextval('activation.attempt_numbers'), ?, ?, ?, operation, customer_id,
            key_hash, payload_hash, outcome, error_code, ?, ?
        from attempted
        """,
        [
            plan.plan_id,
            sync.destination,
            sync.audience.name,
            _now(),
            batch.idempotency_key,
        ],
    )


def _members(connection: duckdb.DuckDBPyConnection, sync: Sync) -> list[Row]:
    """The members that the destination is known to hold, as they were last sent."""
    return _rows(
        connection,
        f"""
        select
            'add', acknowledged.customer_id, acknowledged.key_hash,
            acknowledged.payload_hash, {payload(sync)}
        from activation.acknowledged
        inner join marts.{quoted(sync.audience.relation)} as members
            on members.customer_id = acknowledged.customer_id
        where {sync.is_it} and sha256({payload(sync)}) = acknowledged.payload_hash
        order by acknowledged.customer_id
        """,
    )


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
