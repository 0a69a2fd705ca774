"""Doing exactly what a plan says, so that a crash anywhere is followed by a rerun.

Every request is written down before it is sent and answered member by member after;
between the two its members are in doubt. A plan that is made again after a crash
leaves out what was answered; what was not is asked for again, as the destination
allows it: repeated where that changes nothing, repeated under the same keys, asked of
the job, or left alone where nothing could be known.
"""

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.activation import ledger
from orchestration.lib.activation.destinations.base import (
    Answer,
    Answers,
    BatchRefused,
    Destination,
    InDoubt,
    NotSent,
    Row,
    SnapshotDestination,
)
from orchestration.lib.activation.guards import (
    WITHDRAWN,
    admit,
    held_because,
    is_released,
)
from orchestration.lib.activation.plan import (
    IN_DOUBT,
    Plan,
    PlanRefused,
    column_types,
    read_plan,
    stored_content_id,
    write_plan,
)
from orchestration.lib.activation.requests import (
    Part,
    batch_of,
    create_outgoing,
    parts,
    write_members,
)
from orchestration.lib.activation.state import Sync, now

#: Requests in a row without an answer, after which the rest waits for the next run.
_MOST_SILENCE = 3
#: Requests refused for what is in them before anything was accepted: it is not the
#: rows, then.
_MOST_REFUSALS = 64

AnyDestination = Destination[Any] | SnapshotDestination[Any]


class PlanHeld(PlanRefused):
    """A guard holds the plan until a person releases it."""


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of applying a plan."""

    plan_id: str
    sent: int
    acknowledged: int
    rejected: int
    #: Members to be updated who are not there.
    absent: int
    #: Members whose fate is unknown, and why the run stopped, if it did.
    unknown: int
    problem: str | None

    @property
    def is_complete(self) -> bool:
        """Whether the destination answered for everybody and refused nobody."""
        return self.problem is None


def apply_plan(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan_id: str,
    destination: AnyDestination,
    *,
    closed_because: Sequence[str] = (),
) -> Applied:
    """Send a plan and record every answer.

    Of a plan that a guard holds, only who may not be written to any more leaves.

    Args:
        connection: the activation state, with the marts attached.
        closed_because: reasons of the gate; any of them refuses the plan.

    Raises:
        PlanRefused: the gate is closed, the plan is unknown or was altered, the data
            has moved on since it was made, or the destination has other fields.
        PlanHeld: it looks like a mistake, and nobody said that it is none.
    """
    plan = _checked(connection, sync, plan_id, closed_because)
    _check_fields(connection, sync, destination)
    holds = _holds(connection, sync, plan)
    if holds:
        _withdraw(connection, sync, plan, destination, holds)
    return _send(connection, sync, plan, destination, only="true")


def settle_jobs(
    connection: duckdb.DuckDBPyConnection, sync: Sync, destination: AnyDestination
) -> None:
    """Ask what came of jobs that a run before this one began.

    To be called before planning: what they say changes what is to be done.
    """
    if not isinstance(destination, Destination):
        return
    open_jobs = connection.execute(
        "select idempotency_key, plan_id, job_id from activation.batches"
        f" where {sync.is_it} and state <> 'answered' and job_id is not null"
        " order by sent_at, idempotency_key"
    ).fetchall()
    for key, plan_id, job in open_jobs:
        part = Part(batch_of(sync, _rows_in_doubt(connection, sync, key)), 0)
        answers: Answers | None = {}
        if part.batch.rows:
            answers = None
            with suppress(InDoubt, NotSent):
                answers = destination.recover(job, part.batch)
        if answers is None:
            continue
        told = ledger.told(connection, part, answers, "unknown")
        ledger.record_answers(connection, sync, plan_id, key, told, state="answered")


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
    return plan


def _check_fields(
    connection: duckdb.DuckDBPyConnection, sync: Sync, destination: AnyDestination
) -> None:
    try:
        there = destination.fields()
    except NotSent as error:
        raise PlanRefused(f"{sync.destination}: {error}") from None
    if there is None:
        return
    found = sync.mapping.disagreements(column_types(connection, sync), there)
    if found:
        raise PlanRefused(
            f"{sync.destination} does not fit what is to be sent: {'; '.join(found)}."
            " Nothing was sent; change its fields or the mapping"
        )


def _holds(connection: duckdb.DuckDBPyConnection, sync: Sync, plan: Plan) -> list[str]:
    """What holds the plan and was not released."""
    if is_released(connection, sync, plan.plan_id):
        return []
    holds = held_because(connection, plan.plan_id)
    if not holds:
        admit(connection, plan.plan_id)
    return holds


def _withdraw(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: AnyDestination,
    holds: list[str],
) -> None:
    """Let leave who may not be written to any more, and hold the rest.

    Raises:
        PlanHeld: always.
    """
    plan_id, left = plan.plan_id, ""
    is_mass = any("(most_withdrawn)" in hold for hold in holds)
    if isinstance(destination, Destination) and not is_mass:
        sent = _send(connection, sync, plan, destination, only=WITHDRAWN)
        if sent.sent:
            plan_id = write_plan(connection, sync, plan.as_of).plan_id
            left = (
                f" Of {sent.sent:,} members who may not be written to any more"
                f" {sent.acknowledged:,} were removed."
            )
    raise PlanHeld(
        f"plan {plan_id} is held, because {'; '.join(holds)}.{left} Look at it with"
        f" `crm360 plan`; if it is right, `crm360 release {plan_id} --reason TEXT`"
    )


@dataclass
class _Course:
    """How the sending of a plan goes."""

    counts: dict[str, int] = field(default_factory=dict)
    silence: int = 0
    refusals: int = 0
    #: Why the last request was not answered, and why nothing more was sent.
    silent_because: str | None = None
    stopped: str | None = None

    def count(self, rows: Sequence[Row], answers: Answers, otherwise: str) -> None:
        for row in rows:
            answer = answers.get(row.remote_key)
            outcome = answer.outcome if answer else otherwise
            self.counts[outcome] = self.counts.get(outcome, 0) + 1


def _send(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: AnyDestination,
    *,
    only: str,
) -> Applied:
    members = create_outgoing(connection, sync, plan.plan_id, only=only)
    course = _Course()
    if isinstance(destination, SnapshotDestination):
        if members or not _holds_it(sync, destination, course):
            _put(connection, sync, plan, destination, course, members)
    else:
        for part in parts(connection, sync):
            _deliver(connection, sync, plan, destination, course, part)
            if course.stopped:
                break
    counts = course.counts
    problem = course.stopped
    if not problem and (counts.get("rejected") or counts.get("unknown")):
        why = f" ({course.silent_because})" if course.silent_because else ""
        problem = (
            f"{sync.destination} refused {counts.get('rejected', 0)} members and did"
            f" not answer for {counts.get('unknown', 0)}{why}: see activation.attempts"
        )
    if only == "true":
        connection.execute(
            "update activation.plans set status = ?, applied_at = ? where plan_id = ?",
            ["incomplete" if problem else "applied", now(), plan.plan_id],
        )
    return Applied(
        plan_id=plan.plan_id,
        sent=sum(counts.values()) - counts.get("not_sent", 0),
        acknowledged=counts.get("acknowledged", 0),
        rejected=counts.get("rejected", 0),
        absent=counts.get("absent", 0),
        unknown=counts.get("unknown", 0),
        problem=problem,
    )


def _deliver(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: Destination[Any],
    course: _Course,
    part: Part,
) -> None:
    """Send a request; one that is refused for what is in it, in halves."""
    batch = part.batch
    key = batch.idempotency_key
    told = ledger.told(connection, part, {}, "sending")
    ledger.record_intent(connection, sync, plan.plan_id, key, told)
    answers: Answers = {}
    otherwise = state = "answered"
    jobs: list[str] = []

    def remember_job(job: str) -> None:
        ledger.record_job(connection, key, job)
        jobs.append(job)

    try:
        answers = destination.send(batch, remember_job)
        otherwise, course.silence = "unknown", 0
    except InDoubt as error:
        otherwise = state = "unknown"
        # A job that goes on is no silence: the next run asks for it.
        course.silence = 0 if jobs else course.silence + 1
        course.silent_because = str(error)
        if course.silence == _MOST_SILENCE:
            course.stopped = f"{sync.destination}: {error}"
    except NotSent as error:
        otherwise = state = "not_sent"
        course.stopped = f"{sync.destination}: {error}"
    except BatchRefused as error:
        course.refusals += 1
        if len(batch.rows) == 1:
            answers = {
                batch.rows[0].remote_key: Answer(
                    outcome="rejected", error_code=error.code
                )
            }
        else:
            otherwise = state = "not_sent"
        if course.refusals == _MOST_REFUSALS and not course.counts.get("acknowledged"):
            course.stopped = f"{sync.destination} refuses everything: {error.code}"
    told = ledger.told(connection, part, answers, otherwise)
    ledger.record_answers(connection, sync, plan.plan_id, key, told, state=state)
    if state == "not_sent" and not course.stopped:
        for half in part.halves(sync):
            if not course.stopped:
                _deliver(connection, sync, plan, destination, course, half)
    else:
        course.count(batch.rows, answers, otherwise)


def _holds_it(
    sync: Sync, destination: SnapshotDestination[Any], course: _Course
) -> bool:
    """Whether a list that has not changed is still there; unknown counts as yes."""
    try:
        return destination.holds(sync.audience.name)
    except NotSent as error:
        course.stopped = f"{sync.destination}: {error}"
        return True


def _put(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: SnapshotDestination[Any],
    course: _Course,
    changed: int,
) -> None:
    """Give all members to a destination that takes them at once."""
    key = plan.plan_id
    told = ledger.told_of_all("sending")
    ledger.record_intent(connection, sync, plan.plan_id, key, told)
    outcome = state = "answered"
    try:
        with tempfile.TemporaryDirectory(prefix="crm360-") as folder:
            file = Path(folder) / f"members.{destination.file_format}"
            members = write_members(connection, sync, file, destination.file_format)
            destination.put(sync.audience.name, file, members)
        outcome = "acknowledged"
    except InDoubt as error:
        outcome = state = "unknown"
        course.stopped = f"{sync.destination}: {error}"
    except NotSent as error:
        outcome = state = "not_sent"
        course.stopped = f"{sync.destination}: {error}"
    told = ledger.told_of_all(outcome)
    ledger.record_answers(connection, sync, plan.plan_id, key, told, state=state)
    course.counts[outcome] = changed


def _rows_in_doubt(
    connection: duckdb.DuckDBPyConnection, sync: Sync, key: str
) -> list[Row]:
    """The members of a request who were not answered; they are `outgoing` then."""
    connection.execute(
        f"""
        create or replace temp table outgoing as
        select
            row_number() over (order by min(attempt_id)) - 1 as place,
            operation,
            customer_id,
            remote_key,
            key_hash,
            payload_hash,
            cast(null as varchar) as payload,
            cast(null as varchar) as field_hashes,
            '' as idempotency_key
        from activation.attempts
        where
            {sync.is_it}
            and idempotency_key = ?
            and remote_key in (
                select remote_key from activation.members
                where {sync.is_it} and last_outcome in {IN_DOUBT}
            )
        group by operation, customer_id, remote_key, key_hash, payload_hash
        """,
        [key],
    )
    return [
        Row(
            operation=operation,
            customer_id=customer_id,
            remote_key=remote_key,
            fields=None,
            idempotency_key="",
        )
        for operation, customer_id, remote_key in connection.execute(
            "select operation, customer_id, remote_key from outgoing order by place"
        ).fetchall()
    ]
