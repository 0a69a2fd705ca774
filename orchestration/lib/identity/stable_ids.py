"""Customer ids that stay: components of today meet the ids published before.

An id goes to the component that holds most of the records it began with, else most of
its records; where several ids come to one component, the oldest stays. A component that
no id came to takes back the id that most of its records once had, if that one is free:
who was merged by mistake parts as they came. Else it gets a new one, made from its
first record. No id is ever given to other people.

    identity.customer_ids  source record -> customer
    identity.assignments   every change of that, append-only
    identity.events        created, merged, split, retired: append-only
    identity.aliases       every id that was ever issued -> the one to use now

From `assignments` and `events` alone, the next run makes the same ids.
"""

from datetime import date
from pathlib import Path

import duckdb

from orchestration.lib.identity.graph import one_number
from orchestration.lib.identity.keys import record_hash
from orchestration.lib.warehouse import literal

#: What outlives a run, and what the rest is made from.
HISTORY = ("assignments", "events")

_TABLES = """
create schema if not exists identity;
create table if not exists identity.customer_ids (
    source varchar not null,
    export varchar not null,
    record_id varchar not null,
    customer_id varchar not null
);
create table if not exists identity.assignments (
    source varchar not null,
    export varchar not null,
    record_id varchar not null,
    customer_id varchar,
    step bigint not null,
    assigned_at timestamp not null
);
create table if not exists identity.events (
    event_id varchar not null,
    kind varchar not null,
    customer_id varchar not null,
    other_customer_id varchar,
    cause varchar not null,
    happened_at timestamp not null,
    record_count bigint not null,
    step bigint not null,
    is_beginning boolean not null,
    anchor varchar,
    anchor_seen_at timestamp
);
create table if not exists identity.aliases (
    customer_id varchar not null,
    current_customer_id varchar
);
"""

#: A component is settled when its records are all that an id had, and had no other:
#: only the rest is looked at.
_ASSIGNMENTS = (
    f"""
    create or replace temp table former as
    select nodes.node, ids.*
    from (
        select {record_hash()} as record, *
        from identity.customer_ids
        {{in_scope}}
    ) as ids
    left join nodes on nodes.record = ids.record
    """,
    """
    create or replace temp table settled as
    with

    held as (

        select
            components.component,
            min(former.customer_id) as customer_id,
            max(former.customer_id) as other_customer_id,
            count(former.customer_id) as former_count,
            count(*) as record_count
        from components
        left join former on former.node = components.node
        group by components.component

    ),

    totals as (

        select customer_id, count(*) as record_count
        from former
        group by customer_id

    )

    select held.component, held.customer_id
    from held
    inner join totals
        on totals.customer_id = held.customer_id
        and totals.record_count = held.record_count
    where
        held.customer_id = held.other_customer_id
        and held.former_count = held.record_count
    """,
    """
    create or replace temp table owned as
    select
        components.node,
        components.component,
        former.customer_id
    from components
    left join settled on settled.component = components.component
    left join former on former.node = components.node
    where settled.component is null
    """,
    # The first record of each component: its oldest by business time.
    """
    create or replace temp table anchors as
    with

    firsts as (

        select
            owned.component,
            min_by(
                owned.node, (coalesce(nodes.first_seen_at, 'infinity'), owned.node)
            ) as node
        from owned
        inner join nodes on nodes.node = owned.node
        group by owned.component

    )

    select
        firsts.component,
        concat(nodes.source, '.', nodes.export, ':', nodes.record_id) as anchor,
        nodes.first_seen_at as anchor_seen_at
    from firsts
    inner join nodes on nodes.node = firsts.node
    """,
    # Since when each id has been in use without a break.
    """
    create or replace temp table begun as
    select customer_id, max(step) as step
    from identity.events
    where
        is_beginning
        and customer_id in (select customer_id from former)
    group by customer_id
    """,
    # Natives of an id had no other before it.
    f"""
    create or replace temp table natives as
    select
        owned.node,
        min_by(assignments.customer_id, assignments.step) as customer_id
    from owned
    inner join nodes on nodes.node = owned.node
    inner join identity.assignments
        on {record_hash("assignments.")} = nodes.record
        and assignments.customer_id is not null
    group by owned.node
    """,
    # Where the records of each id went. It stays with most of its natives, so that who
    # was merged by mistake can part as they came; else with most of its records.
    """
    create or replace temp table shares as
    with

    counted as (

        select
            owned.customer_id,
            owned.component,
            count(*) as record_count,
            count(natives.node) as native_count
        from owned
        left join natives
            on natives.node = owned.node
            and natives.customer_id = owned.customer_id
        where owned.customer_id is not null
        group by owned.customer_id, owned.component

    ),

    sizes as (

        select component, count(*) as record_count
        from owned
        group by component

    )

    select
        counted.*,
        row_number() over (
            partition by counted.customer_id
            order by
                counted.native_count desc,
                counted.record_count desc,
                sizes.record_count asc,
                anchors.anchor_seen_at asc nulls last,
                anchors.anchor asc
        ) as place
    from counted
    inner join sizes on sizes.component = counted.component
    inner join anchors on anchors.component = counted.component
    """,
    """
    create or replace temp view issued as
    select customer_id, anchor, anchor_seen_at
    from identity.events
    where anchor is not null
    """,
    # Of the ids that came to a component, the oldest stays.
    """
    create or replace temp table claims as
    select shares.component, shares.customer_id
    from shares
    inner join begun on begun.customer_id = shares.customer_id
    inner join issued on issued.customer_id = shares.customer_id
    where shares.place = 1
    qualify
        row_number() over (
            partition by shares.component
            order by
                begun.step asc,
                issued.anchor_seen_at asc nulls last,
                issued.anchor asc
        ) = 1
    """,
    # Who has none may once have had one that nobody has now.
    f"""
    create or replace temp table returns as
    with

    unclaimed as (

        select owned.node, owned.component
        from owned
        left join claims on claims.component = owned.component
        where claims.component is null

    ),

    once_had as (

        select
            unclaimed.component,
            assignments.customer_id,
            count(distinct unclaimed.node) as record_count
        from unclaimed
        inner join nodes on nodes.node = unclaimed.node
        inner join identity.assignments
            on {record_hash("assignments.")} = nodes.record
        left join claims on claims.customer_id = assignments.customer_id
        left join settled on settled.customer_id = assignments.customer_id
        where
            assignments.customer_id is not null
            and claims.customer_id is null
            and settled.customer_id is null
        group by unclaimed.component, assignments.customer_id

    ),

    elsewhere as (

        select distinct customer_ids.customer_id
        from identity.customer_ids
        semi join once_had on once_had.customer_id = customer_ids.customer_id
        anti join former on former.customer_id = customer_ids.customer_id

    ),

    heaviest as (

        select once_had.*
        from once_had
        anti join elsewhere on elsewhere.customer_id = once_had.customer_id
        inner join anchors on anchors.component = once_had.component
        qualify
            row_number() over (
                partition by once_had.customer_id
                order by
                    once_had.record_count desc,
                    anchors.anchor_seen_at asc nulls last,
                    anchors.anchor asc
            ) = 1

    )

    select heaviest.component, heaviest.customer_id
    from heaviest
    inner join issued on issued.customer_id = heaviest.customer_id
    qualify
        row_number() over (
            partition by heaviest.component
            order by
                heaviest.record_count desc,
                issued.anchor_seen_at asc nulls last,
                issued.anchor asc,
                heaviest.customer_id asc
        ) = 1
    """,
    """
    create or replace temp table assigned as
    with

    times as (

        select anchor, count(*) as issues
        from issued
        group by anchor

    )

    select
        anchors.component,
        anchors.anchor,
        anchors.anchor_seen_at,
        case
            when claims.customer_id is not null then 'kept'
            when returns.customer_id is not null then 'returned'
            else 'issued'
        end as how,
        coalesce(
            claims.customer_id,
            returns.customer_id,
            concat('c_', left(
                sha256(concat(anchors.anchor, '#', coalesce(times.issues, 0))), 16
            ))
        ) as customer_id
    from anchors
    left join claims on claims.component = anchors.component
    left join returns on returns.component = anchors.component
    left join times on times.anchor = anchors.anchor
    """,
)

# From which id to which other, if any, how many records went.
_MOVES = """
    create or replace temp table moves as
    select
        shares.customer_id as other_customer_id,
        assigned.customer_id,
        shares.component,
        shares.record_count,
        survivors.customer_id is null and shares.place = 1 as is_merge
    from shares
    inner join assigned on assigned.component = shares.component
    left join assigned as survivors
        on survivors.customer_id = shares.customer_id
    where assigned.customer_id <> shares.customer_id
    """

# What joined them: of all links between the two, the first in order. On most days
# nobody is merged, and there is no need to look at all links.
_JOINING = """
    create or replace temp table joining as
    with

    merged as (

        select component, other_customer_id
        from moves
        where is_merge

    ),

    both_ways as (

        select node, target, hub, weight
        from edges
        union all
        select target, node, hub, weight
        from edges
        where hub is null

    ),

    linked as (

        select
            merged.component,
            merged.other_customer_id,
            edges.target,
            edges.hub,
            edges.weight,
            owned.node
        from merged
        inner join owned
            on owned.component = merged.component
            and owned.customer_id = merged.other_customer_id
        inner join both_ways as edges on edges.node = owned.node

    ),

    reached as (

        select linked.*, others.node as other_node
        from linked
        inner join edges as back on back.target = linked.target
        inner join owned as others
            on others.node = back.node
            and others.component = linked.component
            and others.customer_id is distinct from linked.other_customer_id
        where linked.hub is not null
        union all
        select linked.*, others.node
        from linked
        inner join owned as others
            on others.node = linked.target
            and others.component = linked.component
            and others.customer_id is distinct from linked.other_customer_id
        where linked.hub is null

    )

    select
        reached.component,
        reached.other_customer_id,
        concat(
            case
                when reached.weight = 'infinity' then 'a pin joins '
                when reached.hub is null then 'their likeness joins '
                else concat('the same ', hubs.identifier_type, ' joins ')
            end,
            one.source, '.', one.export, ':', one.record_id,
            ' to ',
            other.source, '.', other.export, ':', other.record_id
        ) as cause
    from reached
    left join hubs on hubs.hub = reached.hub
    inner join nodes as one on one.node = reached.node
    inner join nodes as other on other.node = reached.other_node
    qualify
        row_number() over (
            partition by reached.component, reached.other_customer_id
            order by
                reached.weight desc,
                hubs.identifier_type asc,
                reached.node asc,
                reached.other_node asc
        ) = 1
    """
_NOTHING_JOINED = """
    create or replace temp table joining (
        component bigint, other_customer_id varchar, cause varchar
    )
    """

_NEWS = (
    # Who was kept apart, and not only left without a link.
    """
    create or replace temp table kept_apart as
    select
        owned.component,
        bool_or(decided.node is not null) as is_vetoed
    from owned
    inner join left_out on left_out.node = owned.node
    left join decided
        on decided.decision = 'veto'
        and owned.node in (decided.node, decided.other_node)
    group by owned.component
    """,
    """
    create or replace temp table news as
    with

    creations as (

        select
            'created' as kind,
            assigned.customer_id,
            cast(null as varchar) as other_customer_id,
            case assigned.how
                when 'issued' then concat(
                    'first seen in ', split_part(assigned.anchor, ':', 1)
                )
                else 'its records are delivered again'
            end as cause,
            members.record_count,
            assigned.component
        from assigned
        inner join (
            select component, count(*) as record_count
            from owned
            group by component
        ) as members on members.component = assigned.component
        left join shares on shares.component = assigned.component
        where
            assigned.how <> 'kept'
            and shares.component is null

    ),

    movements as (

        select
            case when moves.is_merge then 'merged' else 'split' end as kind,
            moves.customer_id,
            moves.other_customer_id,
            case
                when moves.is_merge then coalesce(
                    joining.cause, 'records that joined them came with both'
                )
                when assigned.how = 'returned'
                    then 'what merged them is gone; it takes its former id back'
                when kept_apart.is_vetoed then 'a veto keeps them apart'
                when kept_apart.component is not null
                    then 'they share an identifier, and contradict each other'
                else 'their records no longer share an identifier'
            end as cause,
            moves.record_count,
            moves.component
        from moves
        inner join assigned on assigned.component = moves.component
        left join joining
            on joining.component = moves.component
            and joining.other_customer_id = moves.other_customer_id
        left join kept_apart on kept_apart.component = moves.component

    ),

    retirements as (

        select
            'retired' as kind,
            former.customer_id,
            cast(null as varchar) as other_customer_id,
            'none of its records is delivered any more' as cause,
            count(*) as record_count,
            cast(null as bigint) as component
        from former
        group by former.customer_id
        having count(former.node) = 0

    ),

    all_news as (

        select * from creations
        union all
        select * from movements
        union all
        select * from retirements

    )

    select
        all_news.*,
        -- an id is issued in one event, whichever of several made it
        case
            when assigned.how = 'issued'
                and row_number() over (
                    partition by all_news.customer_id
                    order by all_news.kind, all_news.other_customer_id
                ) = 1
                then assigned.anchor
        end as anchor,
        assigned.anchor_seen_at,
        coalesce(assigned.how <> 'kept' and all_news.kind <> 'merged', false)
            as is_beginning
    from all_news
    left join assigned on assigned.component = all_news.component
    """,
    # Whose customer is another now.
    """
    create or replace temp table reassigned as
    with

    customers as (

        select
            nodes.record,
            nodes.source,
            nodes.export,
            nodes.record_id,
            coalesce(settled.customer_id, assigned.customer_id) as customer_id
        from components
        inner join nodes on nodes.node = components.node
        left join settled on settled.component = components.component
        left join assigned on assigned.component = components.component

    )

    select
        coalesce(customers.record, former.record) as record,
        coalesce(customers.source, former.source) as source,
        coalesce(customers.export, former.export) as export,
        coalesce(customers.record_id, former.record_id) as record_id,
        customers.customer_id
    from customers
    full join former on former.record = customers.record
    where customers.customer_id is distinct from former.customer_id
    """,
)

_RESULTS = (
    """
    insert into identity.events
    select
        left(
            sha256(
                concat_ws('|', $step, kind, customer_id, other_customer_id)
            ), 16
        ) as event_id,
        kind,
        customer_id,
        other_customer_id,
        cause,
        cast($as_of as timestamp) as happened_at,
        record_count,
        $step as step,
        is_beginning,
        anchor,
        case when anchor is not null then anchor_seen_at end
    from news
    order by kind, customer_id, other_customer_id
    """,
    """
    insert into identity.assignments
    select
        source,
        export,
        record_id,
        customer_id,
        $step,
        cast($as_of as timestamp)
    from reassigned
    """,
    f"""
    delete from identity.customer_ids
    where {record_hash()} in (select record from reassigned)
    """,
    """
    insert into identity.customer_ids
    select source, export, record_id, customer_id
    from reassigned
    where customer_id is not null
    """,
)

# Ids that stand for themselves and are not in the news still do.
_RENAMED = """
    create or replace temp table renamed as
    select customer_id
    from identity.events
    where anchor is not null
    except
    (
        select customer_id
        from identity.aliases
        where current_customer_id = customer_id
        except
        select unnest([customer_id, other_customer_id])
        from news
    )
    """

#: Each of them with the one it went into last, itself while it lives.
_SUCCESSORS = """
    create or replace temp table successors as
    with

    ends as (

        select
            case kind when 'merged' then other_customer_id else customer_id end
                as customer_id,
            case kind when 'merged' then customer_id end as successor,
            step
        from identity.events
        where kind in ('merged', 'retired')
        qualify
            row_number() over (
                partition by
                    case kind when 'merged' then other_customer_id else customer_id end
                order by step desc
            ) = 1

    ),

    live as (

        select distinct customer_id
        from identity.customer_ids
        where customer_id in (select customer_id from renamed)

    )

    select
        renamed.customer_id,
        coalesce(live.customer_id, ends.successor) as successor
    from renamed
    left join live on live.customer_id = renamed.customer_id
    left join ends on ends.customer_id = renamed.customer_id
    """

#: One hop further; successors died later, so that no chain leads back.
_HOP = """
    create or replace temp table successors as
    select
        successors.customer_id,
        case
            when next.customer_id is null then successors.successor
            else next.successor
        end as successor
    from successors
    left join successors as next on next.customer_id = successors.successor
    """


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that outlive a run."""
    connection.execute(_TABLES)


def carry_over(connection: duckdb.DuckDBPyConnection, old_file: Path) -> None:
    """Take the history of ids over from another warehouse file, if it has any."""
    create_tables(connection)
    connection.execute(f"attach {literal(str(old_file))} as old (read_only)")
    present = {
        row[0]
        for row in connection.execute(
            "select table_name from duckdb_tables()"
            " where database_name = 'old' and schema_name = 'identity'"
        ).fetchall()
    }
    for table in HISTORY:
        if table in present:
            connection.execute(
                f"insert into identity.{table} select * from old.identity.{table}"
            )
    connection.execute("detach old")
    _recall(connection)


def assign_ids(connection: duckdb.DuckDBPyConnection, *, is_whole: bool) -> None:
    """Give every component its customer id, in temporary tables.

    Needs the temporary tables of `find_evidence` and `create_components`.

    Args:
        is_whole: whether `nodes` are all records there are, and not those of `scope`.
    """
    create_tables(connection)
    _recall(connection)
    in_scope = "" if is_whole else "where record in (select record from scope)"
    for statement in (*_ASSIGNMENTS, _MOVES):
        connection.execute(statement.format(in_scope=in_scope))
    merges = one_number(connection, "select count(*) from moves where is_merge")
    connection.execute(_JOINING if merges else _NOTHING_JOINED)
    for statement in _NEWS:
        connection.execute(statement)


def publish_ids(
    connection: duckdb.DuckDBPyConnection, *, as_of: date
) -> dict[str, int]:
    """Write what `assign_ids` found; returns how many events of each kind.

    Args:
        as_of: the run's logical day, the time of all events.
    """
    step = one_number(
        connection,
        "select 1 + greatest("
        "(select coalesce(max(step), 0) from identity.assignments),"
        " (select coalesce(max(step), 0) from identity.events))",
    )
    given = {"step": step, "as_of": as_of.isoformat()}
    for statement in _RESULTS:
        used = {name: value for name, value in given.items() if f"${name}" in statement}
        connection.execute(statement, used or None)
    _update_aliases(connection)
    return dict(
        connection.execute(
            "select kind, count(*) from news group by kind order by kind"
        ).fetchall()
    )


def _recall(connection: duckdb.DuckDBPyConnection) -> None:
    """Where yesterday's state is lost, make it again from the history."""
    # No insert of no rows: decision 0013.
    if not one_number(
        connection,
        "select (select count(*) from identity.assignments) > 0"
        " and (select count(*) from identity.customer_ids) = 0",
    ):
        return
    connection.execute(
        """
        insert into identity.customer_ids
        select source, export, record_id, customer_id
        from identity.assignments
        qualify
            row_number() over (
                partition by source, export, record_id order by step desc
            ) = 1
            and customer_id is not null
        order by source, export, record_id
        """
    )


def _update_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_RENAMED)
    connection.execute(_SUCCESSORS)
    while one_number(
        connection,
        """
        select count(*)
        from successors
        inner join successors as next on next.customer_id = successors.successor
        where next.successor is distinct from successors.successor
        """,
    ):
        connection.execute(_HOP)
    connection.execute(
        "delete from identity.aliases"
        " where customer_id in (select customer_id from renamed)"
    )
    connection.execute(
        "insert into identity.aliases"
        " select customer_id, successor from successors order by customer_id"
    )
