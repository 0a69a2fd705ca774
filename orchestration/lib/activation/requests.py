"""A plan as requests: who leaves first, each within the destination's limits."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import duckdb

from orchestration.lib.activation.destinations.base import Batch, Capabilities, Row
from orchestration.lib.activation.plan import OPERATIONS
from orchestration.lib.activation.state import Sync
from orchestration.lib.warehouse import literal, quoted

#: Of one round.
_MOST_REQUESTS, _MOST_ROWS = 100, 50_000

#: What a member costs in a request beside their fields.
_BYTES_AROUND = 200

#: A spreadsheet would run what starts with one of these; a plain number is none.
_FORMULA = "'^[=+@\\t\\r-]'"
_NUMBER = "'\\+?[0-9]+'"


def create_outgoing(
    connection: duckdb.DuckDBPyConnection, sync: Sync, plan_id: str, *, only: str
) -> int:
    """Write the temporary table `outgoing`: every row to be sent, in its order.

    A member's idempotency key is the same until they were answered or another effect
    was asked for: of one effect, where it happens once and for all, else of one state
    of theirs.

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
    state = "'once'" if sync.mode == "create" else "coalesce(payload_hash, '-')"
    connection.execute(
        f"""
        create or replace temp table outgoing as
        with

        planned as (

            select
                *,
                case when operation = 'remove' then 'remove' else {state} end as effect
            from activation.plan_rows
            where plan_id = ? and operation <> 'left_out' and {only}

        ),

        described as (

            select
                row_number() over (
                    order by
                        case planned.operation {place} end,
                        planned.reason is not distinct from 'rejected',
                        planned.remote_key
                ) - 1 as place,
                planned.operation,
                planned.customer_id,
                planned.remote_key,
                planned.key_hash,
                planned.payload_hash,
                case
                    when planned.operation <> 'remove' then {mapping.payload("members")}
                end as payload,
                case
                    when planned.operation <> 'remove'
                        then {mapping.hashes("members", "planned.remote_key")}
                end as field_hashes,
                planned.effect,
                left(planned.effect, 16) as asked,
                coalesce(known.answers, 0)
                + cast(
                    coalesce(known.asked <> left(planned.effect, 16), false) as bigint
                ) as answers
            from planned
            left join marts.{quoted(sync.audience.relation)} as members
                on members.customer_id = planned.customer_id
            left join activation.members as known
                on known.remote_key = planned.remote_key
                and known.destination = {literal(sync.destination)}
                and known.audience = {literal(sync.audience.name)}

        )

        select
            * exclude (effect),
            left(sha256(concat_ws(
                '|',
                {literal(sync.audience.name)},
                {literal(sync.destination)},
                remote_key,
                answers,
                effect
            )), 32) as idempotency_key
        from described
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
    can = sync.capabilities
    place = 0
    rows = _page(connection, sync, place)
    while rows:
        within = _within(rows[: can.batch_rows], can)
        yield Part(batch_of(sync, within), place)
        place += len(within)
        rows = rows[len(within) :]
        if len(rows) < can.batch_rows:
            rows += _page(connection, sync, place + len(rows))


def _page(
    connection: duckdb.DuckDBPyConnection, sync: Sync, first: int
) -> list[tuple[Row, int]]:
    """Rows of `outgoing` from a place on, each with its bytes in a request."""
    mapping = sync.mapping
    found = connection.execute(
        """
        select
            operation,
            customer_id,
            remote_key,
            idempotency_key,
            coalesce(payload, 'null'),
            coalesce(strlen(payload), 0)
        from outgoing
        where place between ? and ?
        order by place
        """,
        [first, first + max(_MOST_ROWS, sync.capabilities.batch_rows) - 1],
    ).fetchall()
    # As one document, which is read several times faster than one for each.
    payloads = json.loads(f"[{','.join(row[4] for row in found)}]")
    return [
        (
            Row(
                operation=operation,
                customer_id=customer_id,
                remote_key=remote_key,
                fields=None if payload is None else mapping.sent(payload),
                idempotency_key=key,
            ),
            size + _BYTES_AROUND,
        )
        for (operation, customer_id, remote_key, key, _, size), payload in zip(
            found, payloads, strict=True
        )
    ]


def rounds(sync: Sync, requests: Iterable[Part]) -> Iterator[Sequence[Part]]:
    """Requests that are written down together before the first of them is sent.

    A crash leaves all of a round in doubt, which costs nothing where they can be
    repeated; else each is a round of its own. None has both removals and members.
    """
    can = sync.capabilities
    most = 1
    if can.in_doubt_by in ("state", "key"):
        most = min(_MOST_REQUESTS, max(1, _MOST_ROWS // can.batch_rows))
    for _, same in groupby(requests, key=lambda part: part.is_removal):
        while round_ := list(islice(same, most)):
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


def _within(rows: Sequence[tuple[Row, int]], can: Capabilities) -> list[Row]:
    """The first of the rows, as many as one request may hold; at least one."""
    is_removal = rows[0][0].operation == "remove"
    found: list[Row] = []
    total = 0
    for row, size in rows:
        total += size
        is_full = can.batch_bytes is not None and total > can.batch_bytes
        if (row.operation == "remove") != is_removal or (found and is_full):
            break
        found.append(row)
    return found
