"""Which identifiers may join records, and which may not and why.

An identifier joins all records that carry it, unless it is known to be nobody's
(a pattern of `seeds/blocked_identifiers.csv`), or is carried by more records or more
differently named people than one of its kind can be (`seeds/identifier_types.csv`).
A value that a few people share, such as a family's telephone, joins each person's
records to each other, and none to those of the others.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np

from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.graph import (
    component_labels,
    one_number,
    write_numbers,
)
from orchestration.lib.identity.keys import HUB, record_hash
from orchestration.lib.identity.scoring import IdentityMacros
from orchestration.lib.warehouse import literal


@dataclass(frozen=True)
class IdentifierType:
    """What is known about one kind of identifier."""

    name: str
    #: The probability that two records which share a value are of one person.
    trust: float
    #: A value on more records is nobody's.
    max_records: int
    #: A value of more people, told apart by first name or birth date, is nobody's.
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


def incompatible(macros: IdentityMacros) -> str:
    """SQL: whether `left_side` and `right_side` of `people` cannot be one person.

    First names or birth dates differ by more than slips, swaps and short forms
    explain. What is unknown contradicts nothing.
    """
    vetoes = [
        f"coalesce({macros.level(attribute.name)} in ({listed}), false)"
        for attribute in ATTRIBUTES
        if (listed := ", ".join(literal(level) for level in sorted(attribute.vetoes)))
    ]
    return f"({' or '.join(vetoes)})"


def nobodys(connection: duckdb.DuckDBPyConnection, blocked_identifiers: str) -> str:
    """SQL: why a value is nobody's whoever carries it, branches of a `case`.

    Of `hubs` with `identifier_type`, `identifier_value` and `records`, and of `types`,
    the row of `identifier_types`. Patterns are written out, so that each is compiled
    once.

    Args:
        blocked_identifiers: as for `find_evidence`.
    """
    patterns = "\n".join(
        f"when hubs.identifier_type = {literal(kind)}"
        f" and regexp_full_match(hubs.identifier_value, {literal(pattern)})"
        f" then {literal(reason)}"
        for kind, pattern, reason in connection.execute(
            "select identifier_type, pattern, reason"
            f" from {blocked_identifiers} order by all"
        ).fetchall()
    )
    return f"""{patterns}
            when types.identifier_type is null then 'unknown kind of identifier'
            when hubs.records > types.max_records
                then concat('on more than ', types.max_records, ' records')"""


#: Spellings of names behind one value that are compared with each other.
_MOST_DESCRIPTIONS = 60


def load_types(
    connection: duckdb.DuckDBPyConnection, types: Iterable[IdentifierType]
) -> None:
    """Write the temporary table `identifier_types`; trust becomes a weight in bits."""
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


#: No value is known beforehand to be nobody's.
NONE_STANDING = (
    "(select '' as identifier_type, '' as identifier_value, '' as reason where false)"
)


def find_evidence(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    *,
    identifiers: str,
    blocked_identifiers: str,
    standing: str = NONE_STANDING,
) -> None:
    """Write the temporary tables of evidence.

    `people (person, first_name, full_forms, is_russian_name, name_parts, birth_date)`
    are the different descriptions in `features`, `described (node, person)` says whose
    record is which. `hubs (hub, identifier_type, identifier_value, records)` numbers
    the identifiers, `carried (node, hub)` says which record has which, `hub_people
    (hub, person)` who is behind one. A hub joins all its records, but those of
    `blocked_hubs (hub, blocked_because, is_standing)` join nobody, and those of
    `shared_hubs (hub, people)` each group of `shared_links (node, hub, person_group,
    members)`, other than that of null.

    Needs `delivered_links`, `nodes`, their `features` and `identifier_types`; a type
    that is not there joins nothing.

    Args:
        identifiers: relation with `source, export, record_id, identifier_type,
            identifier_value`, distinct, of which `delivered_links` holds the hashes.
        blocked_identifiers: relation with `identifier_type`, `pattern` (a regular
            expression for the whole value) and `reason`.
        standing: relation with `identifier_type, identifier_value, reason`: values
            that are nobody's, whoever of `identifiers` carries them.
    """
    for statement in _EVIDENCE:
        connection.execute(
            statement.format(
                identifiers=identifiers,
                standing=standing,
                nobodys=nobodys(connection, blocked_identifiers),
                incompatible=incompatible(macros),
                most_descriptions=_MOST_DESCRIPTIONS,
            )
        )
    _group_people(connection)
    for statement in _SHARED:
        connection.execute(statement)


_EVIDENCE = (
    # A name or a birth date makes a description; a city alone does not.
    """
    create or replace temp table people as
    select
        row_number() over (
            order by first_name nulls last, birth_date nulls last, name_parts
        ) as person,
        first_name,
        any_value(full_forms) as full_forms,
        any_value(is_russian_name) as is_russian_name,
        name_parts,
        birth_date
    from features
    where
        first_name is not null
        or birth_date is not null
    group by first_name, name_parts, birth_date
    """,
    """
    create or replace temp table described as
    select nodes.node, people.person
    from features
    inner join nodes on nodes.record = features.record
    inner join people
        on people.first_name is not distinct from features.first_name
        and people.birth_date is not distinct from features.birth_date
        and people.name_parts = features.name_parts
    """,
    # Texts are read once, and hashes from then on.
    f"""
    create or replace temp table hubs as
    select
        row_number() over () - 1 as hub,
        *
    from (
        select
            {HUB} as digest,
            any_value(identifier_type) as identifier_type,
            any_value(identifier_value) as identifier_value,
            count(*) as records
        from {{identifiers}}
        where {record_hash()} in (select record from nodes)
        group by {HUB}
    )
    """,
    """
    create or replace temp table carried as
    select nodes.node, hubs.hub
    from delivered_links as links
    inner join nodes on nodes.record = links.record
    inner join hubs on hubs.digest = links.hub
    """,
    # Who is behind a value that several records carry.
    """
    create or replace temp table hub_people as
    select distinct
        carried.hub,
        described.person
    from carried
    inner join hubs
        on hubs.hub = carried.hub
        and hubs.records > 1
    inner join described on described.node = carried.node
    """,
    """
    create or replace temp table blocked_hubs as
    select
        hubs.hub,
        case
            when standing.reason is not null then standing.reason
            {nobodys}
            when names.descriptions > {most_descriptions}
                then 'of more people than are worth telling apart'
        end as blocked_because,
        standing.reason is not null as is_standing
    from hubs
    left join {standing} as standing
        on standing.identifier_type = hubs.identifier_type
        and standing.identifier_value = hubs.identifier_value
    left join identifier_types as types
        on types.identifier_type = hubs.identifier_type
    left join (
        select hub, count(*) as descriptions
        from hub_people
        group by hub
        having count(*) > {most_descriptions}
    ) as names on names.hub = hubs.hub
    where blocked_because is not null
    """,
    # Who of the people behind one value may be the same.
    """
    create or replace temp table sharers as
    with

    several as (

        select hub
        from hub_people
        group by hub
        having count(*) > 1

    )

    select
        hub_people.hub,
        hub_people.person,
        row_number() over (order by hub_people.hub, hub_people.person) - 1 as sharer
    from hub_people
    inner join several on several.hub = hub_people.hub
    anti join blocked_hubs on blocked_hubs.hub = hub_people.hub
    """,
    """
    create or replace temp table sharing as
    select
        one.hub,
        one.sharer,
        other.sharer as other_sharer,
        {incompatible} as is_incompatible
    from sharers as one
    inner join sharers as other
        on other.hub = one.hub
        and other.sharer > one.sharer
    inner join people as left_side on left_side.person = one.person
    inner join people as right_side on right_side.person = other.person
    """,
)

_SHARED = (
    """
    create or replace temp table shared_hubs as
    select
        sharers.hub,
        count(distinct sharer_groups.person_group) as people
    from sharers
    inner join sharer_groups on sharer_groups.sharer = sharers.sharer
    where sharers.hub in (select hub from sharing where is_incompatible)
    group by sharers.hub
    """,
    """
    insert into blocked_hubs
    select
        shared_hubs.hub,
        concat('of more than ', types.max_people, ' different people'),
        false
    from shared_hubs
    inner join hubs on hubs.hub = shared_hubs.hub
    inner join identifier_types as types
        on types.identifier_type = hubs.identifier_type
        and types.max_people < shared_hubs.people
    """,
    # Records of nobody in particular are joined to nobody.
    """
    create or replace temp table shared_links as
    select
        carried.node,
        carried.hub,
        sharer_groups.person_group,
        count(*) over (partition by carried.hub, sharer_groups.person_group) as members
    from shared_hubs
    anti join blocked_hubs on blocked_hubs.hub = shared_hubs.hub
    inner join carried on carried.hub = shared_hubs.hub
    left join described on described.node = carried.node
    left join sharers
        on sharers.hub = carried.hub
        and sharers.person = described.person
    left join sharer_groups on sharer_groups.sharer = sharers.sharer
    """,
)


def _group_people(connection: duckdb.DuckDBPyConnection) -> None:
    """Write `sharer_groups (sharer, person_group)`: who of a hub may be one person."""
    count = one_number(connection, "select count(*) from sharers")
    pairs = connection.execute(
        "select sharer, other_sharer from sharing where not is_incompatible"
    ).fetchnumpy()
    labels = component_labels(count, pairs["sharer"], pairs["other_sharer"])
    write_numbers(
        connection,
        "sharer_groups",
        {"sharer": np.arange(count), "person_group": labels},
    )
