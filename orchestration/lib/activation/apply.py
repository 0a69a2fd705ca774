"""Doing exactly what a plan says, so that a crash anywhere is followed by a rerun.

Every request is written down before it is sent, together with others where repeating
one has no second effect, and answered member by member after; between the two its
members are in doubt. A plan that is made again after a crash leaves out what was
answered; what was not is asked for again, as the destination allows it: repeated where
that changes nothing, repeated under the same keys, asked of the job, or left alone
where nothing could be known.
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb

from orchestration.lib.activation import ledger
from orchestration.lib.activation.destinations.base import (
    Answer,
    Answers,
    Batch,
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
from orchestration.lib.activation.ledger import Said
from orchestration.lib.activation.plan import (
    IS_UNANSWERED,
    Plan,
    PlanRefused,
    column_types,
    read_plan,
    stored_content_id,
    write_plan,
)
from orchestration.lib.activation.requests import (
    Part,
    create_outgoing,
    parts,
    rounds,
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
    """Send a plan of some time ago and record every answer.

    Args:
        connection: the activation state, with the marts attached.
        closed_because: reasons of the gate; any of them refuses the plan.

    Raises:
        PlanRefused: as `apply_made`; or the gate is closed, the plan is unknown or was
            altered, or the data has moved on since it was made.
        PlanHeld: as `apply_made`.
    """
    plan = _checked(connection, sync, plan_id, closed_because)
    return apply_made(connection, sync, plan, destination)


def apply_made(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: AnyDestination,
) -> Applied:
    """Send a plan that was made on this connection, and record every answer.

    Nobody else can have changed the state or the marts since. Of a plan that a guard
    holds, only who may not be written to any more leaves.

    Raises:
        PlanRefused: the destination has other fields.
        PlanHeld: it looks like a mistake, and nobody said that it is none.
    """
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
        batch = Batch(
            audience=sync.audience.name,
            mode=sync.mode,
            idempotency_key=key,
            rows=_rows_in_doubt(connection, sync, key),
        )
        answers: Answers | None = {}
        if batch.rows:
            answers = None
            with suppress(InDoubt, NotSent):
                answers = destination.recover(job, batch)
        if answers is None:
            continue
        said = Said(
            part=Part(batch, 0), answers=answers, otherwise="unknown", state="answered"
        )
        told = ledger.told(connection, [said])
        ledger.record_answers(connection, sync, plan_id, told)


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


class _Course:
    """How the sending of a plan goes; told from several threads."""

    def __init__(self, destination: str) -> None:
        self._destination = destination
        self.counts: Counter[str] = Counter()
        #: Why the last request was not answered, and why nothing more is sent.
        self.silent_because: str | None = None
        self.stopped: str | None = None
        self._silence = self._refusals = 0
        self._has_acknowledged = False
        self._lock = Lock()

    def stop(self, problem: str) -> None:
        """Nothing more is to be sent."""
        self.stopped = f"{self._destination}: {problem}"

    def answered(self, answers: Answers) -> None:
        """A request was answered."""
        with self._lock:
            self._silence = 0
            self._has_acknowledged |= any(
                answer.outcome == "acknowledged" for answer in answers.values()
            )

    def unanswered(self, problem: str, *, is_silence: bool) -> None:
        """A request was not; several in a row are enough."""
        with self._lock:
            self._silence = self._silence + 1 if is_silence else 0
            self.silent_because = problem
            if self._silence >= _MOST_SILENCE:
                self.stop(problem)

    def refused(self, code: str) -> None:
        """A request was refused; where all are, it is not for what is in them."""
        with self._lock:
            self._refusals += 1
            if self._refusals >= _MOST_REFUSALS and not self._has_acknowledged:
                self.stop(f"it refuses everything ({code})")

    def count(self, said: Said) -> None:
        """Count what was said of each member of a request."""
        self.counts.update(
            answer.outcome if answer else said.otherwise
            for answer in (
                said.answers.get(row.remote_key) for row in said.part.batch.rows
            )
        )


def _send(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: AnyDestination,
    *,
    only: str,
) -> Applied:
    members = create_outgoing(connection, sync, plan.plan_id, only=only)
    course = _Course(sync.destination)
    if isinstance(destination, SnapshotDestination):
        if members or not _holds_it(sync, destination, course):
            _put(connection, sync, plan, destination, course, members)
    else:
        requests = parts(connection, sync)
        _deliver(connection, sync, plan, destination, course, requests)
    counts = course.counts
    problem = course.stopped
    if not problem and (counts["rejected"] or counts["unknown"]):
        why = f" ({course.silent_because})" if course.silent_because else ""
        problem = (
            f"{sync.destination} refused {counts['rejected']} members and did"
            f" not answer for {counts['unknown']}{why}: see activation.attempts"
        )
    if only == "true":
        connection.execute(
            "update activation.plans set status = ?, applied_at = ? where plan_id = ?",
            ["incomplete" if problem else "applied", now(), plan.plan_id],
        )
    return Applied(
        plan_id=plan.plan_id,
        sent=counts.total() - counts["not_sent"],
        acknowledged=counts["acknowledged"],
        rejected=counts["rejected"],
        absent=counts["absent"],
        unknown=counts["unknown"],
        problem=problem,
    )


def _deliver(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    plan: Plan,
    destination: Destination[Any],
    course: _Course,
    requests: Iterable[Part],
) -> None:
    """Send requests; those that are refused for what is in them, in halves after."""
    coming = rounds(sync, requests)
    round_ = next(coming, None)
    while round_ and not course.stopped:
        intents = [
            Said(part=part, answers={}, otherwise="sending", state="sending")
            for part in round_
        ]
        told = ledger.told(connection, intents)
        ledger.record_intent(connection, sync, plan.plan_id, told)
        with ThreadPoolExecutor(sync.capabilities.parallel) as pool:
            asked = [
                pool.submit(_ask, connection, sync, destination, course, part)
                for part in round_
            ]
            # Read while they are on their way.
            round_ = next(coming, None)
        answered = [each.result() for each in asked]
        told = ledger.told(connection, answered)
        ledger.record_answers(connection, sync, plan.plan_id, told)
        halves: list[Part] = []
        for said in answered:
            if said.state == "not_sent" and not course.stopped:
                halves += said.part.halves(sync)
            else:
                course.count(said)
        _deliver(connection, sync, plan, destination, course, halves)


def _ask(
    connection: duckdb.DuckDBPyConnection,
    sync: Sync,
    destination: Destination[Any],
    course: _Course,
    part: Part,
) -> Said:
    """Send a request, and read what its answer means for it and for what follows."""
    if course.stopped:
        return Said(part=part, answers={}, otherwise="not_sent", state="not_sent")
    batch = part.batch
    answers: Answers = {}
    otherwise = state = "answered"
    jobs: list[str] = []

    def remember_job(job: str) -> None:
        # Beside the thread that reads what comes next.
        ledger.record_job(connection.cursor(), batch.idempotency_key, job)
        jobs.append(job)

    try:
        answers = destination.send(batch, remember_job)
        otherwise = "unknown"
        course.answered(answers)
    except InDoubt as error:
        otherwise = state = "unknown"
        # A job that goes on is no silence: the next run asks for it.
        course.unanswered(str(error), is_silence=not jobs)
    except NotSent as error:
        otherwise = state = "not_sent"
        course.stop(str(error))
    except BatchRefused as error:
        course.refused(error.code)
        if len(batch.rows) == 1:
            [row] = batch.rows
            refusal = Answer(outcome="rejected", error_code=error.code)
            answers = {row.remote_key: refusal}
        else:
            otherwise = state = "not_sent"
    return Said(part=part, answers=answers, otherwise=otherwise, state=state)


def _holds_it(
    sync: Sync, destination: SnapshotDestination[Any], course: _Course
) -> bool:
    """Whether a list that has not changed is still there; unknown counts as yes."""
    try:
        return destination.holds(sync.audience.name)
    except NotSent as error:
        course.stop(str(error))
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
    told = ledger.told_of_all(key, "sending", "sending")
    ledger.record_intent(connection, sync, plan.plan_id, told)
    outcome = state = "answered"
    try:
        with tempfile.TemporaryDirectory(prefix="crm360-") as folder:
            file = Path(folder) / f"members.{destination.file_format}"
            members = write_members(connection, sync, file, destination.file_format)
            destination.put(sync.audience.name, file, members)
        outcome = "acknowledged"
    except InDoubt as error:
        outcome = state = "unknown"
        course.stop(str(error))
    except NotSent as error:
        outcome = state = "not_sent"
        course.stop(str(error))
    told = ledger.told_of_all(key, outcome, state)
    ledger.record_answers(connection, sync, plan.plan_id, told)
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
                where {sync.is_it} and {IS_UNANSWERED}
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
