"""Which identifiers may join records, and which may not and why.

An identifier joins all records that carry it, unless it is known to be nobody's
(a pattern of `seeds/blocked_identifiers.csv`), or is carried by more records or more
differently named people than one of its kind can be (`seeds/identifier_types.csv`).
A value that a few people share, such as a family's telephone, joins each person's
records to each other, and none to those of the others.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


@dataclass(frozen=True)
class IdentifierType:
    """What is known about one kind of identifier."""

    name: str
    #: The probability that two records which share a value are of one person.
    trust: float
    #: A value on more records is nobody's.
    max_records: int
    #: A value with more different first names is nobody's.
    max_people: int
    #: One person does not have more values of it than this.
    max_per_customer: int


def read_identifier_types(seeds: Path) -> list[IdentifierType]:
    """The kinds of identifiers, from `seeds/identifier_types.csv`.

    Raises:
        ValueError: a number is missing or out of its range; it names the line.
    """
    path = seeds / "identifier_types.csv"
    types = []
    with path.open(encoding="utf-8", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            try:
                each = IdentifierType(
                    name=row["identifier_type"],
                    trust=float(row["trust"]),
                    max_records=int(row["max_records"]),
                    max_people=int(row["max_people"]),
                    max_per_customer=int(row["max_per_customer"]),
                )
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{path.name}: line {line}: {error}") from error
            if not 0.5 < each.trust < 1:
                raise ValueError(
                    f"{path.name}: line {line}: trust is not between 0.5 and 1"
                )
            types.append(each)
    return types


def incompatible(left: str, right: str) -> str:
    """SQL: whether two descriptions of people cannot be of one person.

    First names that differ by more than a slip, or birth dates by more than one, a
    swap of day and month, or a wrong year. What is unknown contradicts nothing.

    Args:
        left, right: aliases of relations with `first_name_key` and `birth_date`.
    """
    return f"""(
        coalesce(
            {left}.first_name_key <> {right}.first_name_key
            and jaro_winkler_similarity(
                {left}.first_name_key, {right}.first_name_key
            ) < 0.82
            and damerau_levenshtein({left}.first_name_key, {right}.first_name_key) > 1,
            false
        )
        or coalesce(
            {left}.birth_date <> {right}.birth_date
            and damerau_levenshtein(
                strftime({left}.birth_date, '%Y%m%d'),
                strftime({right}.birth_date, '%Y%m%d')
            ) > 1
            and strftime({left}.birth_date, '%Y%d%m')
                <> strftime({right}.birth_date, '%Y%m%d')
            and strftime({left}.birth_date, '%m%d')
                <> strftime({right}.birth_date, '%m%d'),
            false
        )
    )"""


#: The relations of `find_evidence`, all temporary.
NODES, HUBS, LINKS = "nodes", "hubs", "links"


def find_evidence(
    connection: duckdb.DuckDBPyConnection,
    *,
    records: str,
    identifiers: str,
    types: list[IdentifierType],
    blocked_identifiers: str,
) -> None:
    """Write the temporary tables `nodes`, `hubs` and `links`.

    `nodes (node, source, export, record_id, first_name_key, birth_date)` numbers the
    records in order of their key. `hubs (hub, identifier_type, identifier_value,
    records, people, blocked_because)` numbers the identifiers. `links (node, hub,
    person_group)` says which identifiers join a record: records with the same hub and
    group are joined by it, a group of null is none.

    Args:
        records: relation with the key `source, export, record_id`, and, nullable,
            `first_name_key`, `birth_date` and `first_seen_at`.
        identifiers: relation with that key, `identifier_type`, `identifier_value`.
        types: a type that is not listed joins nothing.
        blocked_identifiers: relation with `identifier_type`, `pattern` (a regular
            expression for the whole value) and `reason`.
    """
    connection.execute(
        """
        create or replace temp table identifier_types (
            identifier_type varchar, weight double, max_records bigint,
            max_people bigint, max_per_customer bigint
        )
        """
    )
    for each in types:
        connection.execute(
            "insert into identifier_types values (?, log2(? / (1 - ?)), ?, ?, ?)",
            [
                each.name,
                each.trust,
                each.trust,
                each.max_records,
                each.max_people,
                each.max_per_customer,
            ],
        )
    for statement in _EVIDENCE:
        connection.execute(
            statement.format(
                records=records,
                identifiers=identifiers,
                blocked_identifiers=blocked_identifiers,
                incompatible=incompatible("one", "other"),
            )
        )
    _group_people(connection)
    connection.execute(_LINKS)


_EVIDENCE = (
    """
    create or replace temp table nodes as
    select
        row_number() over (order by source, export, record_id) - 1 as node,
        source,
        export,
        record_id,
        first_name_key,
        birth_date,
        first_seen_at
    from {records}
    """,
    # Values first, then their records: strings are compared once.
    """
    create or replace temp table identifier_values as
    select
        identifier_type,
        identifier_value,
        count(*) as records,
        row_number() over () - 1 as hub
    from {identifiers}
    group by identifier_type, identifier_value
    """,
    """
    create or replace temp table carried as
    select
        identifier_values.hub,
        nodes.node
    from {identifiers} as identifiers
    inner join identifier_values
        on identifier_values.identifier_type = identifiers.identifier_type
        and identifier_values.identifier_value = identifiers.identifier_value
    inner join nodes
        on nodes.source = identifiers.source
        and nodes.export = identifiers.export
        and nodes.record_id = identifiers.record_id
    """,
    # Who is behind a value that several records carry.
    """
    create or replace temp table hub_people as
    select
        carried.hub,
        nodes.first_name_key,
        nodes.birth_date,
        count(*) as records
    from carried
    inner join identifier_values
        on identifier_values.hub = carried.hub
        and identifier_values.records > 1
    inner join nodes on nodes.node = carried.node
    where nodes.first_name_key is not null
    group by carried.hub, nodes.first_name_key, nodes.birth_date
    """,
    """
    create or replace temp table hubs as
    with

    names as (

        select hub, count(distinct first_name_key) as people
        from hub_people
        group by hub

    ),

    listed as (

        select
            identifier_values.hub,
            min(blocked.reason) as reason
        from identifier_values
        inner join {blocked_identifiers} as blocked
            on blocked.identifier_type = identifier_values.identifier_type
            and regexp_full_match(identifier_values.identifier_value, blocked.pattern)
        group by identifier_values.hub

    )

    select
        identifier_values.hub,
        identifier_values.identifier_type,
        identifier_values.identifier_value,
        identifier_values.records,
        coalesce(names.people, 0) as people,
        types.weight,
        case
            when listed.reason is not null then listed.reason
            when types.identifier_type is null then 'unknown kind of identifier'
            when identifier_values.records > types.max_records
                then concat('on more than ', types.max_records, ' records')
            when names.people > types.max_people
                then concat('of more than ', types.max_people, ' different names')
        end as blocked_because
    from identifier_values
    left join identifier_types as types
        on types.identifier_type = identifier_values.identifier_type
    left join names on names.hub = identifier_values.hub
    left join listed on listed.hub = identifier_values.hub
    """,
    # Shared by people who cannot be one.
    """
    create or replace temp table shared_hubs as
    with

    several as (

        select hub
        from hub_people
        group by hub
        having count(*) > 1

    ),

    people as (

        select hub_people.*
        from hub_people
        inner join several on several.hub = hub_people.hub
        inner join hubs on hubs.hub = hub_people.hub
        where hubs.blocked_because is null

    )

    select distinct one.hub
    from people as one
    inner join people as other on other.hub = one.hub
    where {incompatible}
    """,
    """
    create or replace temp table sharers as
    select
        hub_people.*,
        row_number() over (
            order by hub_people.hub, first_name_key, birth_date nulls first
        ) - 1 as sharer
    from hub_people
    inner join shared_hubs on shared_hubs.hub = hub_people.hub
    """,
    """
    create or replace temp table compatible_sharers as
    select one.sharer, other.sharer as other_sharer
    from sharers as one
    inner join sharers as other
        on other.hub = one.hub
        and other.sharer > one.sharer
    where not {incompatible}
    """,
)

#: Of a shared value, records of nobody in particular are joined to nobody.
_LINKS = """
    create or replace temp table links as
    select
        carried.node,
        carried.hub,
        case
            when hubs.blocked_because is not null then null
            when shared_hubs.hub is null then 0
            else grouped.person_group
        end as person_group
    from carried
    inner join hubs on hubs.hub = carried.hub
    inner join nodes on nodes.node = carried.node
    left join shared_hubs on shared_hubs.hub = carried.hub
    left join sharers
        on sharers.hub = carried.hub
        and sharers.first_name_key = nodes.first_name_key
        and sharers.birth_date is not distinct from nodes.birth_date
    left join sharer_groups as grouped on grouped.sharer = sharers.sharer
    """


def _group_people(connection: duckdb.DuckDBPyConnection) -> None:
    """Write `sharer_groups (sharer, person_group)`: who of a hub may be one person."""
    row = connection.execute("select count(*) from sharers").fetchone()
    count = row[0] if row else 0
    pairs = connection.execute("from compatible_sharers").fetchnumpy()
    graph = coo_matrix(
        (
            np.ones(len(pairs["sharer"]), dtype=np.int8),
            (pairs["sharer"].astype(np.int64), pairs["other_sharer"].astype(np.int64)),
        ),
        shape=(count, count),
    )
    labels = connected_components(graph, directed=False)[1] if count else []
    groups = pa.table(
        {
            "sharer": pa.array(np.arange(count), pa.int64()),
            # Zero is the group of values that nobody shares.
            "person_group": pa.array(np.asarray(labels, dtype=np.int64) + 1),
        }
    )
    connection.register("found_groups", groups)
    connection.execute(
        "create or replace temp table sharer_groups as from found_groups"
    )
    connection.unregister("found_groups")
