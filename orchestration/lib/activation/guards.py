"""What holds a plan until a person has looked at it: numbers that look like a mistake.

A plan is held when the audience is empty or too small, when it would add, change,
remove or withdraw more than a share of what the destination holds, when the fields are
others than those sent before, and when nothing was ever sent. Shares are compared as
whole numbers, so that a limit means what it says to the last member.

`release` lets a person send a held plan. It covers what they have seen: the plan, and
any later one with nothing in it that was not in theirs, such as the rest after a crash.
A plan that nothing holds is released by its own limits when it is first applied: beside
what arrived before a crash, the rest may look like too much.
"""

from collections.abc import Sequence
from fractions import Fraction

import duckdb

from orchestration.lib.activation.state import Sync, now

#: SQL over the rows of a plan: members who may not be written to any more.
WITHDRAWN = """
    operation = 'remove'
    and reason not in ('not_in_audience', 'contact_changed', 'holdout')
"""

#: As many may always be added, changed or removed: shares of small lists mean little.
FEW = 10


class ReleaseRefused(RuntimeError):
    """There is no such plan, or nothing that holds it."""


def problems(
    connection: duckdb.DuckDBPyConnection, sync: Sync, fields: str, unchanged: int
) -> list[str]:
    """Why a plan is held; empty when it may be sent.

    Args:
        connection: with the temporary table `computed_rows` of the plan.
        fields: names and types of what is sent, as they are stored with plans.
        unchanged: members who are there as they should be.
    """
    counts: dict[str, int] = dict(
        connection.execute(
            f"""
            select
                case
                    when {WITHDRAWN} then 'withdraw'
                    when operation = 'update' then 'change'
                    else operation
                end,
                count(*)
            from computed_rows
            where operation <> 'left_out'
            group by 1
            """
        ).fetchall()
    )
    limits = sync.limits
    operations = sum(counts.values())
    members = counts.get("add", 0) + counts.get("change", 0) + unchanged
    held = _count(
        connection, f"select count(*) from activation.acknowledged where {sync.is_it}"
    )
    before = connection.execute(
        f"""
        select fields from activation.plans
        where
            {sync.is_it}
            and status in ('applied', 'incomplete')
            and adds + changes > 0
        order by applied_at desc, plan_id
        limit 1
        """
    ).fetchone()
    if not operations:
        return []
    found = []
    if members < limits.least_members:
        found.append(
            f"the audience has {members:,} members to send, fewer than"
            f" {limits.least_members:,} (least_members)"
        )
    if limits.is_first_send_held and before is None and members:
        found.append(f"nothing was ever sent to {sync.destination} (hold_first_send)")
    if before is not None and before[0] is not None and before[0] != fields:
        found.append(f"what is sent has other fields: {before[0]} before, {fields} now")
    for name, verb, limit, key in (
        ("add", "adds", limits.most_added, "most_added"),
        ("change", "changes", limits.most_changed, "most_changed"),
        ("remove", "removes", limits.most_removed, "most_removed"),
        ("withdraw", "withdraws", limits.most_withdrawn, "most_withdrawn"),
    ):
        count = counts.get(name, 0)
        share = Fraction(str(limit))
        if held and count > FEW and count * share.denominator > held * share.numerator:
            found.append(
                f"it {verb} {count:,} members where the destination holds {held:,},"
                f" more than {limit:g} of them ({key})"
            )
    return found


def is_released(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str
) -> bool:
    """Whether this plan was released, or one that everything in it was part of."""
    release = connection.execute(
        f"""
        select plan_id
        from activation.releases
        inner join activation.plans using (plan_id)
        where {sync.is_it}
        order by released_at desc, plan_id
        limit 1
        """
    ).fetchone()
    if release is None:
        return False
    unseen = _count(
        connection,
        """
        select count(*)
        from activation.plan_rows as new
        where
            new.plan_id = ?
            and new.operation <> 'left_out'
            and not exists (
                select 1
                from activation.plan_rows as seen
                where
                    seen.plan_id = ?
                    and seen.remote_key = new.remote_key
                    and seen.operation <> 'left_out'
                    and (seen.operation = 'remove') = (new.operation = 'remove')
                    and seen.payload_hash is not distinct from new.payload_hash
            )
        """,
        [plan_id, release[0]],
    )
    return not unseen


def release(
    connection: duckdb.DuckDBPyConnection, plan_id: str, *, by: str, reason: str
) -> None:
    """Let a held plan be sent.

    Raises:
        ReleaseRefused: there is no such plan, it is superseded, or nothing holds it.
    """
    row = connection.execute(
        "select status from activation.plans where plan_id = ?", [plan_id]
    ).fetchone()
    if row is None:
        raise ReleaseRefused(f"there is no plan {plan_id}: see `crm360 plan`")
    if row[0] != "planned":
        raise ReleaseRefused(
            f"plan {plan_id} is {row[0]}: make a new one with `crm360 plan`"
        )
    if not held_because(connection, plan_id):
        raise ReleaseRefused(f"nothing holds plan {plan_id}: `crm360 apply {plan_id}`")
    _record_release(connection, plan_id, by, reason)


def admit(connection: duckdb.DuckDBPyConnection, plan_id: str) -> None:
    """Note that a plan was within its limits when it was first applied."""
    _record_release(connection, plan_id, "crm360", "within its limits")


def _record_release(
    connection: duckdb.DuckDBPyConnection, plan_id: str, by: str, reason: str
) -> None:
    connection.execute(
        "insert into activation.releases values (?, ?, ?, ?)",
        [plan_id, by, reason, now()],
    )


def held_because(connection: duckdb.DuckDBPyConnection, plan_id: str) -> list[str]:
    """What holds a stored plan, released or not."""
    return [
        message
        for (message,) in connection.execute(
            "select message from activation.holds where plan_id = ? order by place",
            [plan_id],
        ).fetchall()
    ]


def record_holds(
    connection: duckdb.DuckDBPyConnection, plan_id: str, messages: Sequence[str]
) -> None:
    """Keep what holds a plan beside it."""
    for place, message in enumerate(messages):
        connection.execute(
            "insert into activation.holds values (?, ?, ?)", [plan_id, place, message]
        )


def _count(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    parameters: Sequence[object] = (),
) -> int:
    row = connection.execute(query, list(parameters)).fetchone()
    return int(row[0]) if row else 0
