"""Customer ids that stay: components of today meet the ids published before.

An id goes to the component that holds most of its records; where several ids come
to one component, the oldest stays and the others become its aliases; a component
that no id came to gets a new one, made from its first record, so that a rebuild from
nothing makes the same ids again. Nothing is ever issued twice.

    identity.customer_ids      source record -> customer
    identity.identifier_edges  the identifiers that joined the records
    identity.events            created, merged, split, retired: append-only
    identity.aliases           every id that was ever merged away -> the one that stayed
"""

from datetime import date
from pathlib import Path

import duckdb

from orchestration.lib.identity.components import create_components
from orchestration.lib.warehouse import literal

_TABLES = """
create schema if not exists identity;
create table if not exists identity.customer_ids (
    source varchar not null,
    export varchar not null,
    record_id varchar not null,
    customer_id varchar not null
);
create table if not exists identity.events (
    event_id varchar not null,
    kind varchar not null,
    customer_id varchar not null,
    other_customer_id varchar,
    cause varchar not null,
    happened_at timestamp not null,
    anchor varchar,
    anchor_seen_at timestamp
);
create table if not exists identity.aliases (
    customer_id varchar not null,
    current_customer_id varchar not null
);
"""

_STEPS = (
    # The first record of each component: its oldest by business time.
    """
    create or replace temp table anchors as
    with

    dated as (

        select
            components.component,
            concat(
                components.source, '.', components.export, ':', components.record_id
            ) as anchor,
            records.first_seen_at
        from components
        inner join {records} as records
            on records.source = components.source
            and records.export = components.export
            and records.record_id = components.record_id

    ),

    ranked as (

        select
            dated.*,
            row_number() over (
                partition by component order by first_seen_at asc nulls last, anchor asc
            ) as place
        from dated

    )

    select component, anchor, first_seen_at as anchor_seen_at
    from ranked
    where place = 1
    """,
    # How many records of each published id went where; heaviest first.
    """
    create or replace temp table shares as
    with

    counted as (

        select
            customer_ids.customer_id,
            components.component,
            count(*) as record_count
        from identity.customer_ids
        inner join components
            on components.source = customer_ids.source
            and components.export = customer_ids.export
            and components.record_id = customer_ids.record_id
        group by customer_ids.customer_id, components.component

    )

    select
        counted.*,
        row_number() over (
            partition by counted.customer_id
            order by
                counted.record_count desc,
                anchors.anchor_seen_at asc nulls last,
                anchors.anchor asc
        ) as place
    from counted
    inner join anchors on anchors.component = counted.component
    """,
    # Of the ids that came to a component, the oldest stays.
    """
    create or replace temp table claims as
    select
        shares.component,
        shares.customer_id,
        row_number() over (
            partition by shares.component
            order by
                births.anchor_seen_at asc nulls last,
                births.anchor asc,
                shares.customer_id asc
        ) as place
    from shares
    inner join identity.events as births
        on births.customer_id = shares.customer_id
        and births.kind in ('created', 'split')
    where shares.place = 1
    """,
    # A component without a claim gets the next id of its first record.
    """
    create or replace temp table assignments as
    with

    issued as (

        select anchor, count(*) as times
        from identity.events
        where kind in ('created', 'split')
        group by anchor

    )

    select
        anchors.component,
        anchors.anchor,
        anchors.anchor_seen_at,
        claims.customer_id is null as is_new,
        coalesce(
            claims.customer_id,
            concat('c_', left(
                sha256(concat(anchors.anchor, '#', coalesce(issued.times, 0))), 16
            ))
        ) as customer_id
    from anchors
    left join claims
        on claims.component = anchors.component
        and claims.place = 1
    left join issued on issued.anchor = anchors.anchor
    """,
    """
    create or replace temp table news as
    with

    births as (

        select
            case
                when before.customer_id is null then 'created' else 'split'
            end as kind,
            assignments.customer_id,
            before.customer_id as other_customer_id,
            case
                when before.customer_id is null
                    then concat(
                        'first seen in ', split_part(assignments.anchor, ':', 1)
                    )
                else 'its records no longer share an identifier with the others'
            end as cause,
            assignments.anchor,
            assignments.anchor_seen_at
        from assignments
        left join identity.customer_ids as before
            on concat(before.source, '.', before.export, ':', before.record_id)
            = assignments.anchor
        where assignments.is_new

    ),

    merges as (

        select
            'merged' as kind,
            assignments.customer_id,
            claims.customer_id as other_customer_id,
            'their records share an identifier now' as cause,
            cast(null as varchar) as anchor,
            cast(null as timestamp) as anchor_seen_at
        from claims
        inner join assignments on assignments.component = claims.component
        where claims.place > 1

    ),

    retirements as (

        select distinct
            'retired' as kind,
            customer_ids.customer_id,
            cast(null as varchar) as other_customer_id,
            'none of its records is delivered any more' as cause,
            cast(null as varchar) as anchor,
            cast(null as timestamp) as anchor_seen_at
        from identity.customer_ids
        left join shares on shares.customer_id = customer_ids.customer_id
        where shares.customer_id is null

    )

    select * from births
    union all
    select * from merges
    union all
    select * from retirements
    """,
    """
    insert into identity.events
    select
        left(
            sha256(
                concat_ws('|', $as_of, kind, customer_id, other_customer_id, anchor)
            ), 16
        ) as event_id,
        kind,
        customer_id,
        other_customer_id,
        cause,
        cast($as_of as timestamp) as happened_at,
        anchor,
        anchor_seen_at
    from news
    order by kind, customer_id, other_customer_id
    """,
    # Aliases stay one hop: those of an id that merges away now move with it.
    """
    create or replace temp table next_aliases as
    select
        aliases.customer_id,
        coalesce(news.customer_id, aliases.current_customer_id) as current_customer_id
    from identity.aliases
    left join news
        on news.kind = 'merged'
        and news.other_customer_id = aliases.current_customer_id
    union all
    select other_customer_id, customer_id
    from news
    where kind = 'merged'
    """,
    "delete from identity.aliases",
    "insert into identity.aliases select * from next_aliases order by customer_id",
    "delete from identity.customer_ids",
    """
    insert into identity.customer_ids
    select
        components.source,
        components.export,
        components.record_id,
        assignments.customer_id
    from components
    inner join assignments on assignments.component = components.component
    order by components.source, components.export, components.record_id
    """,
    """
    create or replace table identity.identifier_edges as
    select source, export, record_id, identifier_type, identifier_value
    from {identifiers}
    order by source, export, record_id, identifier_type, identifier_value
    """,
)


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that outlive a run."""
    connection.execute(_TABLES)


def carry_over(connection: duckdb.DuckDBPyConnection, old_file: Path) -> None:
    """Take ids and their history over from another warehouse file, if it has any."""
    create_tables(connection)
    connection.execute(f"attach {literal(str(old_file))} as old (read_only)")
    present = {
        row[0]
        for row in connection.execute(
            "select table_name from duckdb_tables()"
            " where database_name = 'old' and schema_name = 'identity'"
        ).fetchall()
    }
    for table in sorted(present & {"customer_ids", "events", "aliases"}):
        connection.execute(
            f"insert into identity.{table} select * from old.identity.{table}"
        )
    connection.execute("detach old")


def resolve(
    connection: duckdb.DuckDBPyConnection,
    *,
    records: str,
    identifiers: str,
    as_of: date,
) -> dict[str, int]:
    """Assign every record its customer, in one transaction; returns event counts.

    Args:
        records: relation with `source, export, record_id, first_seen_at`.
        identifiers: relation with `source, export, record_id, identifier_type,
            identifier_value`.
        as_of: the run's logical day, the time of all events.
    """
    create_tables(connection)
    connection.begin()
    try:
        create_components(connection, records, identifiers)
        for step in _STEPS:
            statement = step.format(records=records, identifiers=identifiers)
            parameters = {"as_of": as_of.isoformat()} if "$as_of" in step else None
            connection.execute(statement, parameters)
        counts = dict(
            connection.execute(
                "select kind, count(*) from news group by kind order by kind"
            ).fetchall()
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return counts
