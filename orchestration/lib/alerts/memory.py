"""How everything is, and what each alert was told of it: `alerts.duckdb`.

    subjects  one row per subject: its state, why, since when, and when it was last seen
    told      one row per alert and subject: the state that the alert was told last

What was told is noted after it was accepted: a crash in between repeats a message, and
what nobody accepted is still there to be told. Losing the file has everything that is
not ok told again.
"""

import fcntl
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.lib.warehouse import as_dicts, connect

OK = "ok"
_TABLES = """
create table if not exists subjects (
    subject varchar primary key,
    state varchar not null,
    reason varchar not null,
    remedy varchar not null,
    since timestamp not null,
    seen_at timestamp not null
);
create table if not exists told (
    alert varchar not null,
    subject varchar not null,
    state varchar not null,
    since timestamp not null,
    told_at timestamp not null,
    primary key (alert, subject)
);
"""


@dataclass(frozen=True)
class Observation:
    """How a subject was when a run ended."""

    subject: str
    state: str
    #: Where it is not ok: one line, and the command that shows more. Never a value of
    #: a row.
    reason: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Change:
    """A subject that is not as an alert was told; times are UTC."""

    subject: str
    #: What was told last, or ok if nothing was; since when it was so, if that is known.
    before: str
    before_since: datetime | None
    state: str
    since: datetime
    reason: str
    remedy: str


@contextmanager
def opened(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The memory; who opens it while it is open elsewhere waits.

    Raises:
        WarehouseUnreadable: the file is damaged.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with connect(file) as connection:
            connection.execute(_TABLES)
            yield connection


def observe(
    connection: duckdb.DuckDBPyConnection, seen: Iterable[Observation], at: datetime
) -> None:
    """Keep how subjects were at a time, unless they were seen at that time or later."""
    rows = {each.subject: astuple(each) for each in seen}.values()
    if not rows:
        return
    connection.execute(
        """
        insert into subjects
        select unnest(?), unnest(?), unnest(?), unnest(?), ?, ?
        on conflict (subject) do update set
            since = case
                when subjects.state = excluded.state then subjects.since
                else excluded.since
            end,
            state = excluded.state,
            reason = excluded.reason,
            remedy = excluded.remedy,
            seen_at = excluded.seen_at
        where excluded.seen_at > subjects.seen_at
        """,
        [*map(list, zip(*rows, strict=True)), at, at],
    )


def changes(connection: duckdb.DuckDBPyConnection, alert: str) -> list[Change]:
    """Every subject that is not as the alert was told last, by name."""
    found = connection.execute(
        """
        select
            subject,
            coalesce(told.state, ?) as before,
            told.since,
            subjects.state,
            subjects.since,
            reason,
            remedy
        from subjects
        left join (from told where alert = ?) as told using (subject)
        where subjects.state <> before
        order by subject
        """,
        [OK, alert],
    ).fetchall()
    return [Change(*row) for row in found]


def note_told(
    connection: duckdb.DuckDBPyConnection,
    alert: str,
    told: Sequence[Change],
    at: datetime,
) -> None:
    """Note that an alert accepted these changes, all or none."""
    connection.begin()
    connection.executemany(
        "insert or replace into told values (?, ?, ?, ?, ?)",
        [[alert, each.subject, each.state, each.since, at] for each in told],
    )
    connection.commit()


def standing(connection: duckdb.DuckDBPyConnection) -> list[dict[str, object]]:
    """Every subject as it is, with the alerts that were told so, by name."""
    result = connection.execute(
        """
        select
            subject,
            subjects.state,
            subjects.since,
            reason,
            remedy,
            list(alert order by alert) filter (told.state = subjects.state) as told
        from subjects
        left join told using (subject)
        group by all
        order by subject
        """
    )
    return as_dicts(result)
