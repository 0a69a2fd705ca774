"""What changed since the last resolution, and how far it reaches.

Records are resolved in regions: all that share an identifier which may join, or are
alike enough to be linked. What happens in one region depends on no other, so that a
resolution looks at the regions of what changed, and leaves the rest as it is. The
schema `identity_state` holds what the last one saw and found:

    made_by     what decided about it: rules, model, code
    records     a digest of what each record says, and its region
    links       which record carries which identifier
    decisions   what people had decided
    features, pairs, sizes: of `likeness`

Records and identifiers are known by the hash of their key in all of them.
"""

import hashlib
from pathlib import Path

import duckdb

from orchestration.lib.identity.evidence import nobodys
from orchestration.lib.identity.features import present_columns
from orchestration.lib.identity.graph import one_number
from orchestration.lib.identity.keys import HUB, record_hash

#: Of so large a share of changed records, looking at all of them is cheaper.
_LARGEST_SHARE = 0.15

_STATE = """
    drop schema if exists identity_state cascade;
    create schema identity_state;
    create table identity_state.records (
        record ubigint, said ubigint, copied ubigint, region ubigint
    );
    create table identity_state.links (record ubigint, hub ubigint);
    create table identity_state.decisions (
        decision varchar, left_record ubigint, right_record ubigint
    );
    """


def made_by(*settings: object) -> str:
    """A digest of what decides about a resolution beside its records.

    Args:
        settings: with a `repr` that says all.
    """
    digest = hashlib.sha256(repr((duckdb.__version__, settings)).encode())
    for path in sorted(Path(__file__).parent.rglob("*")):
        if path.suffix in (".py", ".json", ".csv"):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_known(connection: duckdb.DuckDBPyConnection, digest: str) -> bool:
    """Whether the last resolution left all of its state, and was made by the same."""
    if not one_number(
        connection,
        "select count(*) from duckdb_tables()"
        " where database_name = current_database()"
        " and schema_name = 'identity_state' and table_name = 'made_by'",
    ):
        return False
    return connection.execute("from identity_state.made_by").fetchall() == [(digest,)]


def forget(connection: duckdb.DuckDBPyConnection) -> None:
    """Begin anew: nothing is known of any record."""
    connection.execute(_STATE)


def unsign(connection: duckdb.DuckDBPyConnection) -> None:
    """Before what is known is changed: it is unfinished until `remember` signs it."""
    connection.execute("drop table identity_state.made_by")


def read_delivered(
    connection: duckdb.DuckDBPyConnection, *, records: str, identifiers: str
) -> None:
    """Write the temporary tables `delivered` and `delivered_links`: what there is.

    `delivered` has a digest of what each record says (`said`), and one of what it says
    of a person with an address or a number (`copied`), which copies of it share.
    """
    columns = present_columns(connection, records)
    people = ", ".join(["''", *columns])
    contacts = [
        f"{column} is not null" for column in ("email", "phone") if column in columns
    ]
    connection.execute(
        f"""
        create or replace temp table delivered as
        select
            {record_hash()} as record,
            source,
            export,
            record_id,
            first_seen_at,
            hash(first_seen_at, says) as said,
            case when {" or ".join(contacts) or "false"} then says end as copied
        from (select *, hash({people}) as says from {records})
        """
    )
    connection.execute(
        f"""
        create or replace temp table delivered_links as
        select
            {record_hash()} as record,
            {HUB} as hub
        from {identifiers}
        """
    )


#: What people decided, of hashes of records.
DECIDED = f"""
    select
        decision,
        {record_hash("left_")} as left_record,
        {record_hash("right_")} as right_record
    from overrides
    """

# Whose row, identifiers or decisions differ; records that are gone among them.
_CHANGED = (
    """
    create or replace temp table changed as
    select record
    from delivered
    full join identity_state.records as known using (record)
    where known.said is distinct from delivered.said
    union
    select record
    from delivered_links
    full join identity_state.links as known using (record, hub)
    where delivered_links.record is null or known.record is null
    """,
    f"""
    insert into changed
    select unnest([left_record, right_record])
    from (
        (({DECIDED}) except from identity_state.decisions)
        union all
        (from identity_state.decisions except ({DECIDED}))
    )
    """,
    # Copies of a record are compared through the first of them: where another is.
    """
    insert into changed
    with

    touched as (

        select copied from delivered semi join changed using (record)
        union
        select copied from identity_state.records semi join changed using (record)

    ),

    firsts as (

        select copied, min(record) as record
        from delivered
        semi join touched using (copied)
        group by copied

    ),

    former_firsts as (

        select copied, min(record) as record
        from identity_state.records
        semi join touched using (copied)
        group by copied

    )

    select unnest([firsts.record, former_firsts.record])
    from firsts
    inner join former_firsts
        on former_firsts.copied = firsts.copied
        and former_firsts.record <> firsts.record
    """,
)

# Values that joined nobody and still do not tie the records that carry them.
_SPREADING = (
    """
    create or replace temp table touched_hubs as
    with

    touched as (

        select hub from delivered_links semi join changed using (record)
        union
        select hub from identity_state.links semi join changed using (record)

    )

    select
        touched.hub,
        count(links.hub) as records
    from touched
    left join delivered_links as links on links.hub = touched.hub
    group by touched.hub
    """,
    f"""
    create or replace temp table still_blocked as
    select
        hubs.hub,
        hubs.records,
        case {{nobodys}} end as reason
    from (
        select blocked.identifier_type, blocked.identifier_value, touched_hubs.*
        from identity.blocked_identifiers as blocked
        inner join touched_hubs on touched_hubs.hub = {HUB}
    ) as hubs
    left join identifier_types as types
        on types.identifier_type = hubs.identifier_type
    where
        hubs.records > 0
        and reason is not null
    """,
    """
    create or replace temp table spreading_hubs as
    select hub from touched_hubs anti join still_blocked using (hub)
    """,
    """
    create or replace temp table touched as
    with decided as ({decided})
    select record from changed
    union
    select record from delivered_links semi join spreading_hubs using (hub)
    union
    select record from identity_state.links semi join spreading_hubs using (hub)
    union
    select left_record from decided semi join changed on right_record = changed.record
    union
    select right_record from decided semi join changed on left_record = changed.record
    """,
)

_SCOPE = """
    create or replace temp table scope as
    select record from touched
    union
    select record
    from identity_state.records
    where region in (
        select region from identity_state.records semi join touched using (record)
    )
    """

#: For `find_evidence`: what is nobody's, and not looked at again.
STANDING = f"""(
    select
        blocked.identifier_type,
        blocked.identifier_value,
        coalesce(still_blocked.reason, blocked.reason) as reason
    from identity.blocked_identifiers as blocked
    left join still_blocked on still_blocked.hub = {HUB}
    where {HUB} not in (select hub from spreading_hubs)
)"""

#: How often they are carried now.
RECOUNT = f"""
    update identity.blocked_identifiers
    set
        reason = still_blocked.reason,
        record_count = still_blocked.records,
        person_count = null
    from still_blocked
    where still_blocked.hub = {HUB}
    """


def find_scope(
    connection: duckdb.DuckDBPyConnection, *, blocked_identifiers: str
) -> bool:
    """Write `scope (record)`: what is to be resolved again, records that are gone too.

    Writes `changed`, `spreading_hubs`, the identifiers that may join otherwise than
    before, and `still_blocked`, those that join nobody as before.

    Returns:
        Whether it is worth it: False if most records are affected.
    """
    for statement in _CHANGED:
        connection.execute(statement)
    reasons = nobodys(connection, blocked_identifiers)
    for statement in _SPREADING:
        connection.execute(statement.format(nobodys=reasons, decided=DECIDED))
    connection.execute(_SCOPE)
    affected, all_records = (
        one_number(connection, f"select count(*) from {table}")
        for table in ("scope", "delivered")
    )
    return affected <= _LARGEST_SHARE * all_records


def widen_scope(connection: duckdb.DuckDBPyConnection, records: str) -> bool:
    """Take the regions of more records into `scope`; whether there were any.

    Writes `added (record)`: those that came.

    Args:
        records: relation with `record`.
    """
    connection.execute("create or replace temp table former_scope as from scope")
    connection.execute(f"insert into touched select record from {records}")
    connection.execute(_SCOPE)
    connection.execute(
        "create or replace temp table added as"
        " select record from scope anti join former_scope using (record)"
    )
    return one_number(connection, "select count(*) from added") > 0


def remember(
    connection: duckdb.DuckDBPyConnection, digest: str, *, is_whole: bool
) -> None:
    """Write what was seen, and the region of every record of `scope`.

    Args:
        digest: that of `made_by`, which signs the state.
        is_whole: whether `scope` is everything, and the state empty.
    """
    for statement in _SEEN if is_whole else (*_SEEN[:1], *_FORGET, *_SEEN[1:]):
        connection.execute(statement)
    connection.execute(
        "insert into identity_state.links select record, hub from delivered_links"
        f" {'' if is_whole else 'semi join changed using (record)'}"
    )
    connection.execute(
        "create or replace table identity_state.made_by as select $digest as made_by",
        {"digest": digest},
    )


_SEEN = (
    """
    create or replace temp table seen as
    select
        nodes.record,
        delivered.said,
        delivered.copied,
        firsts.record as region
    from nodes
    inner join delivered on delivered.record = nodes.record
    inner join regions on regions.node = nodes.node
    inner join nodes as firsts on firsts.node = regions.first_node
    """,
    "insert into identity_state.records from seen",
    f"insert into identity_state.decisions {DECIDED}",
)
# What is as it was stays where it is: a file is written anew where rows go.
_FORGET = (
    """
    create or replace temp table stale as
    select record
    from (
        select *
        from identity_state.records
        where record in (select record from scope)
        except
        from seen
    )
    """,
    """
    delete from seen
    where record in (
        select record
        from identity_state.records
        where
            record in (select record from scope)
            and record not in (select record from stale)
    )
    """,
    "delete from identity_state.records where record in (select record from stale)",
    "delete from identity_state.links where record in (select record from changed)",
    "delete from identity_state.decisions",
)
