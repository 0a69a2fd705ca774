"""Identity resolution as a whole: evidence, components, ids, in one transaction."""

from collections.abc import Iterable
from datetime import date

import duckdb

from orchestration.lib.identity import decisions, stable_ids
from orchestration.lib.identity.components import create_components
from orchestration.lib.identity.decisions import Decision
from orchestration.lib.identity.evidence import IdentifierType, find_evidence
from orchestration.lib.identity.features import create_features
from orchestration.lib.identity.scoring import IdentityMacros


def resolve(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    *,
    records: str,
    identifiers: str,
    types: list[IdentifierType],
    blocked_identifiers: str,
    decided: Iterable[Decision],
    as_of: date,
    pairs: str | None = None,
) -> dict[str, int]:
    """Assign every record its customer; returns how many events of each kind.

    Args:
        records: relation with the key `source, export, record_id`, `first_seen_at`,
            and any of the columns of people (`features.COLUMNS`).
        identifiers, types, blocked_identifiers: as for `find_evidence`.
        decided: what people decided.
        as_of: the run's logical day, the time of all events.
        pairs: as for `create_components`.
    """
    connection.begin()
    try:
        decisions.load_decisions(connection, decided)
        connection.execute(_NODES.format(records=records))
        create_features(
            connection,
            f"""(
                select nodes.node as record, records.*
                from nodes
                inner join {records} as records
                    on records.source = nodes.source
                    and records.export = nodes.export
                    and records.record_id = nodes.record_id
            )""",
        )
        find_evidence(
            connection,
            macros,
            identifiers=identifiers,
            types=types,
            blocked_identifiers=blocked_identifiers,
        )
        create_components(connection, macros, pairs=pairs)
        counts = stable_ids.assign_ids(connection, as_of=as_of)
        for statement in _EVIDENCE_TABLES:
            connection.execute(statement)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return counts


#: Records by number, in order of their key, so that no order of rows matters.
_NODES = """
    create or replace temp table nodes as
    select
        row_number() over (order by source, export, record_id) - 1 as node,
        source,
        export,
        record_id,
        first_seen_at
    from {records}
    """

_EVIDENCE_TABLES = (
    """
    create or replace table identity.identifier_edges as
    select
        nodes.source,
        nodes.export,
        nodes.record_id,
        hubs.identifier_type,
        hubs.identifier_value,
        joints.hub is not null and left_out.node is null as is_joining,
        case
            when hubs.blocked_because is not null then hubs.blocked_because
            when joints.hub is null and shared_hubs.hub is not null
                then 'shared by different people'
            when left_out.node is not null then 'contradicts stronger evidence'
        end as not_joining_because
    from links
    inner join nodes on nodes.node = links.node
    inner join hubs on hubs.hub = links.hub
    left join joints
        on joints.hub = links.hub
        and joints.person_group = links.person_group
    left join shared_hubs on shared_hubs.hub = links.hub
    left join left_out
        on left_out.node = links.node
        and left_out.hub = links.hub
    order by
        nodes.source, nodes.export, nodes.record_id, hubs.identifier_type,
        hubs.identifier_value
    """,
    """
    create or replace table identity.blocked_identifiers as
    select
        identifier_type,
        identifier_value,
        blocked_because as reason,
        records as record_count,
        people as person_count
    from hubs
    where blocked_because is not null
    order by identifier_type, identifier_value
    """,
)
