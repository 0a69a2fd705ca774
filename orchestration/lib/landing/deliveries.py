"""The order in which the files of an export count, whenever they arrived.

A file counts on the day in its name, however late it comes; without one, when it
arrived. The same bytes again are no news, except for a full delivery: there they say
how things stand on that day. A dated file that comes again with other content is a
correction and takes the place of the earlier one. Without a date in its name it is
taken for the next file, of which only the name is old.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.lander import LedgerRow
from orchestration.lib.landing.landing_place import is_dated

LANDED = ("landed", "partly")


@dataclass(frozen=True, kw_only=True)
class DeliveredFile:
    """A landed file and its place among the deliveries of its export."""

    #: The ledger row of the time when it was read.
    row: LedgerRow
    #: When it counts as delivered; several files of one moment are one delivery.
    delivered_at: datetime
    #: 1 for the oldest; a larger number overrules.
    number: int
    #: Whether a corrected file of the same name and date has taken its place.
    is_superseded: bool

    @property
    def file_id(self) -> str:
        """The file's content hash, shortened."""
        return self.row.file_id


def in_order(
    contract: ExportContract, rows: Sequence[LedgerRow]
) -> list[DeliveredFile]:
    """The landed files of an export, from the oldest delivery to the newest.

    Args:
        rows: its ledger rows, sightings of known files included.
    """
    sightings: dict[str, list[LedgerRow]] = defaultdict(list)
    newest_by_name: dict[str, LedgerRow] = {}
    for row in sorted(rows, key=lambda row: (row.landed_at, row.file_name)):
        if row.outcome != "refused":
            sightings[row.file_id].append(row)
            newest_by_name[row.file_name] = row

    def place(seen: list[LedgerRow]) -> tuple[datetime, datetime, str]:
        row = (
            max(seen, key=lambda row: (row.delivered_at, row.landed_at))
            if contract.delivery == "full"
            else min(seen, key=lambda row: (row.delivered_at, row.landed_at))
        )
        return row.delivered_at, row.landed_at, row.file_name

    return [
        DeliveredFile(
            row=next(row for row in seen if row.outcome in LANDED),
            delivered_at=place(seen)[0],
            number=number,
            is_superseded=all(
                is_dated(row.file_name)
                and newest_by_name[row.file_name].file_id != row.file_id
                for row in seen
            ),
        )
        for number, seen in enumerate(sorted(sightings.values(), key=place), start=1)
    ]


def days_since_delivery(rows: Sequence[LedgerRow], as_of: date) -> int | None:
    """Days from the newest delivery of an export to `as_of`; None if none ever came.

    A file that could not be read was no delivery.
    """
    days = [row.delivered_at.date() for row in rows if row.outcome != "refused"]
    return (as_of - max(days)).days if days else None
