"""Asking a destination who withdrew there since it was asked last.

People unsubscribe where they are written to. An export tells it some day; a destination
that can be asked tells it before the next plan, and its word counts like an answer: a
row of `activation.suppressions`, from the moment that it names.
"""

from dataclasses import asdict
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from orchestration.lib.activation.apply import AnyDestination
from orchestration.lib.activation.destinations.base import Destination, NotSent
from orchestration.lib.activation.plan import PlanRefused
from orchestration.lib.activation.state import Sync, now

#: Before any destination was.
EVER = datetime(2000, 1, 1)
#: Asked for again each time: their clock is not ours.
_OVERLAP = timedelta(hours=1)
_COLUMNS = pa.schema(
    {
        "contact": pa.string(),
        "reason": pa.string(),
        "at": pa.timestamp("us"),
        "channel": pa.string(),
    }
)


def note_withdrawals(
    connection: duckdb.DuckDBPyConnection, sync: Sync, destination: AnyDestination
) -> int:
    """Write down who may not be written to any more; to be called before planning.

    Returns:
        How many contacts it told of that were not noted before.

    Raises:
        PlanRefused: the destination could not be asked, so that nobody knows.
    """
    if not isinstance(destination, Destination):
        return 0
    asked_at = now()
    row = connection.execute(
        "select asked_at from activation.inquiries where destination = ?",
        [sync.destination],
    ).fetchone()
    try:
        told = destination.withdrawals(row[0] - _OVERLAP if row else EVER)
        if told is None:
            return 0
        withdrawals = [asdict(each) for each in told]
    except NotSent as error:
        raise PlanRefused(
            f"{sync.destination} does not say who unsubscribed there, so that nothing"
            f" is planned: {error}"
        ) from None
    connection.register(
        "withdrawals", pa.Table.from_pylist(withdrawals, schema=_COLUMNS)
    )
    connection.begin()
    found = connection.execute(
        """
        insert into activation.suppressions by name
        select distinct told.*, ? as destination
        from (
            select
                sha256(lower(trim(contact))) as contact_hash,
                channel,
                reason,
                "at" as noted_at
            from withdrawals
        ) as told
        anti join activation.suppressions as known
            on known.destination = ?
            and known.contact_hash = told.contact_hash
            and known.channel = told.channel
            and known.reason = told.reason
            and known.noted_at >= told.noted_at
        order by all
        """,
        [sync.destination, sync.destination],
    ).fetchone()
    connection.execute(
        "insert or replace into activation.inquiries values (?, ?)",
        [sync.destination, asked_at],
    )
    connection.commit()
    connection.unregister("withdrawals")
    return int(found[0]) if found else 0
