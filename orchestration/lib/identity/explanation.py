"""Why records are one customer: the chain of identifiers, and what did not join.

Shows delivered values, to whoever asks for one person; nothing of it is logged.
"""

from collections import defaultdict, deque
from dataclasses import dataclass

import duckdb

from orchestration.lib.identity.decisions import RecordKey


class NobodyFound(LookupError):
    """No customer, record or contact is called so; the message says what can be."""


@dataclass(frozen=True)
class Joined:
    """A source record of the customer, and what joined it to the ones before it."""

    record: str
    name: str | None
    #: The record it was joined to; null for the first one.
    to: str | None
    #: The identifier, its likeness or the pin that joined the two.
    by: str | None


@dataclass(frozen=True)
class NotJoined:
    """An identifier of one of the records that joins it to nobody, or not here."""

    record: str
    identifier: str
    because: str
    #: Customers whose records carry the same value.
    others: list[str]


@dataclass(frozen=True)
class Event:
    """One change in the history of the id."""

    happened_on: str
    kind: str
    customer_id: str
    other_customer_id: str | None
    cause: str
    record_count: int


@dataclass(frozen=True)
class Explanation:
    """Everything about who a customer is."""

    customer_id: str
    #: Ids that became this one.
    aliases: list[str]
    records: list[Joined]
    not_joined: list[NotJoined]
    decisions: list[str]
    history: list[Event]


def explain(connection: duckdb.DuckDBPyConnection, person: str) -> Explanation:
    """Explain the customer that is meant.

    Args:
        person: a customer id, also one that was merged away, a record as
            `source.export:record_id`, an e-mail address or a telephone number.

    Raises:
        NobodyFound: nobody, or several customers, are called so.
    """
    customer_id = _customer(connection, person)
    records = _records(connection, customer_id)
    return Explanation(
        customer_id=customer_id,
        aliases=[
            row[0]
            for row in connection.execute(
                "select customer_id from identity.aliases"
                " where current_customer_id = $1 and customer_id <> $1"
                " order by customer_id",
                [customer_id],
            ).fetchall()
        ],
        records=_chain(connection, customer_id, records),
        not_joined=_not_joined(connection, customer_id),
        decisions=_decisions(connection, customer_id),
        history=[
            Event(*row)
            for row in connection.execute(_HISTORY, [customer_id]).fetchall()
        ],
    )


def _customer(connection: duckdb.DuckDBPyConnection, person: str) -> str:
    rows = connection.execute(_CALLED_SO, {"person": person.strip()}).fetchall()
    if not rows:
        raise NobodyFound(
            f"nobody is called {person!r}: give a customer id, a record as"
            " source.export:record_id, an e-mail address or a telephone number in its"
            " international form"
        )
    (current, *others) = [row[0] for row in rows]
    if others:
        raise NobodyFound(
            f"{person!r} is on records of {len(rows)} customers:"
            f" {', '.join(row[0] for row in rows[:10])}; explain one of them"
        )
    if current is None:
        raise NobodyFound(
            f"{person!r} is retired: none of its records is delivered any more"
        )
    return str(current)


_CALLED_SO = """
    select current_customer_id as customer_id
    from identity.aliases
    where customer_id = $person
    union
    select customer_id
    from identity.customer_ids
    where concat(source, '.', export, ':', record_id) = $person
    union
    select customer_ids.customer_id
    from intermediate.int_identifiers as identifiers
    inner join identity.customer_ids using (source, export, record_id)
    where lower($person) in (
        lower(identifiers.identifier_value), identifiers.match_key
    )
    order by customer_id
    """


def _records(
    connection: duckdb.DuckDBPyConnection, customer_id: str
) -> dict[str, str | None]:
    """Names by record, the oldest record first."""
    return dict(
        connection.execute(
            """
            select
                concat(records.source, '.', records.export, ':', records.record_id),
                nullif(concat_ws(' ', records.first_name, records.last_name), '')
            from identity.customer_ids
            inner join intermediate.int_source_records as records
                using (source, export, record_id)
            where customer_ids.customer_id = $1
            order by
                records.first_seen_at asc nulls last,
                records.source, records.export, records.record_id
            """,
            [customer_id],
        ).fetchall()
    )


def _chain(
    connection: duckdb.DuckDBPyConnection,
    customer_id: str,
    records: dict[str, str | None],
) -> list[Joined]:
    """Each record with the one through which it is reached first from the oldest."""
    carriers: dict[str, list[str]] = defaultdict(list)
    carried: dict[str, list[str]] = defaultdict(list)
    for record, link in connection.execute(_JOINING, [customer_id]).fetchall():
        carriers[link].append(record)
        carried[record].append(link)
    joined: dict[str, Joined] = {}
    # Several beginnings only where a record is held by nothing that is still known.
    for first in records:
        if first in joined:
            continue
        joined[first] = Joined(first, records[first], None, None)
        waiting = deque([first])
        while waiting:
            record = waiting.popleft()
            for link in carried[record]:
                for other in carriers[link]:
                    if other not in joined:
                        joined[other] = Joined(other, records[other], record, link)
                        waiting.append(other)
    return list(joined.values())


_JOINING = """
    select
        concat(source, '.', export, ':', record_id) as record,
        link
    from identity.links
    where
        customer_id = $1
        and is_joining
    order by link, record
    """


def _not_joined(
    connection: duckdb.DuckDBPyConnection, customer_id: str
) -> list[NotJoined]:
    return [
        NotJoined(*row)
        for row in connection.execute(
            """
            select
                concat(
                    refused.source, '.', refused.export, ':', refused.record_id
                ) as record,
                refused.link,
                refused.not_joining_because,
                (
                    select list_sort(list(distinct others.customer_id))
                    from identity.links as others
                    where
                        others.link = refused.link
                        and others.customer_id <> $1
                )
            from identity.links as refused
            where
                refused.customer_id = $1
                and refused.not_joining_because is not null
            order by record, refused.link
            """,
            [customer_id],
        ).fetchall()
    ]


def _decisions(connection: duckdb.DuckDBPyConnection, customer_id: str) -> list[str]:
    return [
        row[0]
        for row in connection.execute(
            """
            select
                concat(
                    decision, ' of ',
                    left_source, '.', left_export, ':', left_record_id, ' and ',
                    right_source, '.', right_export, ':', right_record_id,
                    ' by ', decided_by, coalesce(': ' || note, '')
                )
            from identity.overrides
            where exists (
                from identity.customer_ids
                where
                    customer_id = $1
                    and (source, export, record_id) in (
                        (left_source, left_export, left_record_id),
                        (right_source, right_export, right_record_id)
                    )
            )
            order by 1
            """,
            [customer_id],
        ).fetchall()
    ]


_HISTORY = """
    select
        strftime(happened_at, '%Y-%m-%d'),
        kind,
        customer_id,
        other_customer_id,
        cause,
        record_count
    from identity.events
    where $1 in (customer_id, other_customer_id)
    order by step, kind, customer_id, other_customer_id
    """


def record_of(connection: duckdb.DuckDBPyConnection, text: str) -> RecordKey:
    """The record that is meant, of a customer the oldest one.

    Raises:
        NobodyFound: there is no such record or customer.
    """
    if ":" in text:
        try:
            key = RecordKey.parse(text)
        except ValueError as error:
            raise NobodyFound(str(error)) from error
        if connection.execute(
            "from identity.customer_ids"
            " where source = ? and export = ? and record_id = ?",
            [key.source, key.export, key.record_id],
        ).fetchone():
            return key
        raise NobodyFound(f"no delivered record is {text}")
    records = _records(connection, _customer(connection, text))
    return RecordKey.parse(next(iter(records)))
