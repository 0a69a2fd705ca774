"""A plan as requests: who leaves first, each within the destination's limits."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.activation.destinations.base import Batch, Capabilities, Row
from orchestration.lib.activation.plan import OPERATIONS
from orchestration.lib.activation.state import Sync
from orchestration.lib.warehouse import literal, quoted

#: In one round.
_MOST_REQUESTS = 50

#: What a member costs in a request beside their fields.
_BYTES_AROUND = 200

#: A spreadsheet would run what starts with one of these; a plain number is none.
_FORMULA = "'^[=+@\\t\\r-]'"
_NUMBER = "'\\+?[0-9]+'"


def create_outgoing(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str, *, only: str
) -> int:
    """Write the temporary table `outgoing`: every row to be sent, in its order.

    A member's idempotency key is the same until they were answered: of one effect,
    where it happens once and for all, else of one state of theirs.

    Args:
        only: SQL over `plan_rows`; what it does not hold for stays.

    Returns:
        The number of rows.
    """
    mapping = sync.mapping
    place = " ".join(
        f"when {literal(operation)} then {number}"
        for number, operation in enumerate(OPERATIONS)
    )
    effect = (
        "'once'" if sync.mode == "create" else "coalesce(plan_rows.payload_hash, '-')"
    )
    connection.execute(
        f"""
        create or replace temp table outgoing as
        select
            row_number() over (
                order by
                    case plan_rows.operation {place} end,
                    plan_rows.reason is not distinct from 'rejected',
                    plan_rows.remote_key
            ) - 1 as place,
            plan_rows.operation,
            plan_rows.customer_id,
            plan_rows.remote_key,
            plan_rows.key_hash,
            plan_rows.payload_hash,
            case
                when plan_rows.operation <> 'remove' then {mapping.payload("members")}
            end as payload,
            case
                when plan_rows.operation <> 'remove'
                    then {mapping.hashes("members", "plan_rows.remote_key")}
            end as field_hashes,
            left(sha256(concat_ws(
                '|',
                {literal(sync.audience.name)},
                {literal(sync.destination)},
                plan_rows.remote_key,
                coalesce(known.answers, 0),
                case when plan_rows.operation = 'remove' then 'remove' else {effect} end
            )), 32) as idempotency_key
        from activation.plan_rows
        left join marts.{quoted(sync.audience.relation)} as members
            on members.customer_id = plan_rows.customer_id
        left join activation.members as known
            on known.remote_key = plan_rows.remote_key
            and known.destination = {literal(sync.destination)}
            and known.audience = {literal(sync.audience.name)}
        where
            plan_rows.plan_id = ?
            and plan_rows.operation <> 'left_out'
            and {only}
        """,
        [plan_id],
    )
    row = connection.execute("select count(*) from outgoing").fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True)
class Part:
    """A request, and where its rows begin in `outgoing`."""

    batch: Batch
    first: int

    @property
    def is_removal(self) -> bool:
        """Whether its members leave; a request has no others beside them."""
        return self.batch.rows[0].operation == "remove"

    def halves(self, sync: Sync) -> tuple["Part", "Part"]:
        """The same rows in two requests."""
        rows, middle = self.batch.rows, len(self.batch.rows) // 2
        return (
            Part(batch_of(sync, rows[:middle]), self.first),
            Part(batch_of(sync, rows[middle:]), self.first + middle),
        )


def parts(connection: duckdb.DuckDBPyConnection, sync: Sync) -> Iterator[Part]:
    """The rows of `outgoing` in requests, of removals or of members, never both."""
    mapping, place = sync.mapping, 0
    while rows := connection.execute(
        "select operation, customer_id, remote_key, payload, idempotency_key"
        " from outgoing where place between ? and ? order by place",
        [place, place + sync.capabilities.batch_rows - 1],
    ).fetchall():
        within = _within(rows, sync.capabilities)
        batch = batch_of(
            sync,
            [
                Row(
                    operation=operation,
                    customer_id=customer_id,
                    remote_key=remote_key,
                    fields=mapping.sent(json.loads(payload)) if payload else None,
                    idempotency_key=key,
                )
                for operation, customer_id, remote_key, payload, key in within
            ],
        )
        yield Part(batch, place)
        place += len(within)


def rounds(sync: Sync, requests: Iterable[Part]) -> Iterator[Sequence[Part]]:
    """Requests that are written down together before the first of them is sent.

    A crash leaves all of a round in doubt, which costs nothing where they can be
    repeated; else each is a round of its own. None has both removals and members.
    """
    is_repeatable = sync.capabilities.in_doubt_by in ("state", "key")
    for _, same in groupby(requests, key=lambda part: part.is_removal):
        while round_ := list(islice(same, _MOST_REQUESTS if is_repeatable else 1)):
            yield round_


def batch_of(sync: Sync, rows: Sequence[Row]) -> Batch:
    """A request of these rows; the same rows make the same key."""
    keys = "|".join(row.idempotency_key for row in rows)
    return Batch(
        audience=sync.audience.name,
        mode=sync.mode,
        idempotency_key=hashlib.sha256(keys.encode()).hexdigest()[:32],
        rows=rows,
    )


def write_members(
    connection: duckdb.DuckDBPyConnection, sync: Sync, file: Path, file_format: str
) -> int:
    """Write a file with all members of the plan that was computed last.

    Columns are `customer_id` and the fields; in a CSV no text begins like a formula.
    """
    members = f"select {_columns(sync)} from marts.{quoted(sync.audience.relation)}"
    types = {
        name: data_type
        for name, data_type, *_ in connection.execute(
            f"describe {members} as members"
        ).fetchall()
    }
    safe = ", ".join(
        f"case when regexp_matches({quoted(name)}, {_FORMULA})"
        f" and not regexp_full_match({quoted(name)}, {_NUMBER})"
        f" then concat('''', {quoted(name)}) else {quoted(name)} end as {quoted(name)}"
        if data_type == "VARCHAR" and file_format == "csv"
        else quoted(name)
        for name, data_type in types.items()
    )
    options = {
        "csv": "format csv, header",
        "jsonl": "format json",
        "parquet": "format parquet",
    }[file_format]
    row = connection.execute(
        f"""
        copy (
            select {safe}
            from (
                {members} as members
                where members.customer_id not in (
                    select customer_id from computed_rows where operation = 'left_out'
                )
            )
            order by customer_id
        ) to {literal(str(file))} ({options})
        """
    ).fetchone()
    return int(row[0]) if row else 0


def _columns(sync: Sync) -> str:
    mapping = sync.mapping
    return ", ".join(
        [
            "members.customer_id",
            *(
                f"{mapping.value(field, 'members')} as {quoted(field.name)}"
                for field in mapping.fields
                if field.name != "customer_id"
            ),
        ]
    )


def _within(rows: list[tuple[Any, ...]], can: Capabilities) -> list[tuple[Any, ...]]:
    """The first of the rows, as many as one request may hold; at least one."""
    _, same = next(groupby(rows, key=lambda row: row[0] == "remove"))
    found: list[tuple[Any, ...]] = []
    size = 0
    for row in same:
        size += len((row[3] or "").encode()) + _BYTES_AROUND
        if found and can.batch_bytes is not None and size > can.batch_bytes:
            break
        found.append(row)
    return found
