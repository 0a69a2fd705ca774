"""Identity resolution as a whole: evidence, components, ids, in one transaction."""

from collections.abc import Callable, Iterable
from datetime import date

import duckdb

from orchestration.lib.identity import decisions, stable_ids
from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.components import create_components
from orchestration.lib.identity.decisions import Decision
from orchestration.lib.identity.evidence import IdentifierType, find_evidence
from orchestration.lib.identity.features import create_features
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.identity.review import create_review_queue
from orchestration.lib.identity.scoring import IdentityMacros, score_features

#: What a resolution does, in order.
STAGES = ("normalising", "evidence", "likeness", "components", "ids", "tables")


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
    model: MatchModel | None = None,
    progress: Callable[[str], None] = lambda stage: None,
) -> dict[str, int]:
    """Assign every record its customer; returns how many events of each kind.

    Args:
        records: relation with the key `source, export, record_id`, `first_seen_at`,
            and any of the columns of people (`features.COLUMNS`).
        identifiers, types, blocked_identifiers: as for `find_evidence`.
        decided: what people decided.
        as_of: the run's logical day, the time of all events.
        model: what likeness is worth; without one only shared identifiers join.
        progress: told the name of each stage, of STAGES, before it begins.
    """
    connection.begin()
    try:
        progress("normalising")
        decisions.load_decisions(connection, decided)
        create_nodes(connection, records)
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
        progress("evidence")
        find_evidence(
            connection,
            macros,
            identifiers=identifiers,
            types=types,
            blocked_identifiers=blocked_identifiers,
        )
        progress("likeness")
        _find_likeness(connection, macros, model)
        progress("components")
        create_components(connection, macros, pairs="likely_pairs")
        progress("ids")
        counts = stable_ids.assign_ids(connection, as_of=as_of)
        progress("tables")
        create_review_queue(connection)
        for statement in _EVIDENCE_TABLES:
            connection.execute(statement)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return counts


def create_nodes(connection: duckdb.DuckDBPyConnection, records: str) -> None:
    """Number the records of a relation: the temporary table `nodes`.

    In order of their key, so that no order of rows matters.

    Args:
        records: relation with the key `source, export, record_id`, and `first_seen_at`.
    """
    connection.execute(
        f"""
        create or replace temp table nodes as
        select
            row_number() over (
                order by hash(source, export, record_id), source, export, record_id
            ) - 1 as node,
            source,
            export,
            record_id,
            first_seen_at
        from {records}
        """
    )


def _find_likeness(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    model: MatchModel | None,
) -> None:
    """Write `scored_pairs`, and of those `likely_pairs` and `doubtful_pairs`."""
    if model is None:
        connection.execute(_NO_LIKENESS)
        return
    for statement in _COMPARABLE:
        connection.execute(statement)
    score_features(connection, model, macros)
    bounds = {"link_from": model.link_from, "review_from": model.review_from}
    for statement in _LIKELY:
        connection.execute(statement.format(**bounds))


_NO_LIKENESS = """
    create or replace temp table likely_pairs (
        node bigint, other_node bigint, weight double, evidence varchar
    );
    create or replace temp table doubtful_pairs (
        node bigint, other_node bigint, weight double, evidence varchar
    )
    """

_COMPARABLE = (
    # That two people have nobody's address, or their family's, is no likeness.
    *(
        f"""
        update features
        set {nothing}
        where record in (
            select carried.node
            from carried
            inner join hubs on hubs.hub = carried.hub
            where
                hubs.identifier_type = '{kind}'
                and hubs.hub in (
                    select hub from blocked_hubs union all select hub from shared_hubs
                )
        )
        """
        for kind, nothing in (
            ("email", "email = null, email_box = null, email_digits = null"),
            ("phone", "phone = null"),
        )
    ),
    # Records that say the same, and share an address or number, are one by that: one
    # of them is compared with the others. A customer's hundred orders cost as one.
    """
    delete from features
    where
        record <> first_record
        and (email is not null or phone is not null)
    """,
)

_EVIDENCE_TEXT = "concat_ws(', ', {})".format(
    ", ".join(f"'{each.name} ' || {each.name}" for each in ATTRIBUTES)
)

_LIKELY = (
    f"""
    create or replace temp table likely_pairs as
    select
        left_record as node,
        right_record as other_node,
        weight,
        {_EVIDENCE_TEXT} as evidence
    from scored_pairs
    where
        weight >= {{link_from}}
        and not is_vetoed
    """,
    # Not sure enough to link. Names and dates that contradict are no doubt.
    f"""
    create or replace temp table doubtful_pairs as
    select
        left_record as node,
        right_record as other_node,
        weight,
        {_EVIDENCE_TEXT} as evidence
    from scored_pairs
    where
        weight >= {{review_from}}
        and not is_vetoed
    """,
)


_EVIDENCE_TABLES = (
    """
    create or replace table identity.identifier_edges as
    select
        nodes.source,
        nodes.export,
        nodes.record_id,
        hubs.identifier_type,
        hubs.identifier_value,
        blocked_hubs.hub is null
        and left_out.node is null
        and case
            when shared_hubs.hub is not null
                then shared_links.person_group is not null and shared_links.members > 1
            else hubs.records > 1
        end as is_joining,
        case
            when blocked_hubs.hub is not null then blocked_hubs.blocked_because
            when left_out.node is not null then 'contradicts stronger evidence'
            when shared_hubs.hub is not null and not is_joining
                then 'shared by different people'
        end as not_joining_because
    from carried
    inner join nodes on nodes.node = carried.node
    inner join hubs on hubs.hub = carried.hub
    left join blocked_hubs on blocked_hubs.hub = carried.hub
    left join shared_hubs on shared_hubs.hub = carried.hub
    left join shared_links
        on shared_links.node = carried.node
        and shared_links.hub = carried.hub
    left join left_out
        on left_out.node = carried.node
        and left_out.hub = carried.hub
    order by carried.node, hubs.identifier_type, hubs.identifier_value
    """,
    """
    create or replace table identity.likely_pairs as
    select
        one.source as left_source,
        one.export as left_export,
        one.record_id as left_record_id,
        other.source as right_source,
        other.export as right_export,
        other.record_id as right_record_id,
        likely_pairs.weight,
        likely_pairs.evidence,
        left_out.node is null as is_joining
    from likely_pairs
    inner join nodes as one on one.node = likely_pairs.node
    inner join nodes as other on other.node = likely_pairs.other_node
    left join left_out
        on left_out.node = likely_pairs.node
        and left_out.other_node = likely_pairs.other_node
    order by likely_pairs.node, likely_pairs.other_node
    """,
    """
    create or replace table identity.blocked_identifiers as
    select
        hubs.identifier_type,
        hubs.identifier_value,
        blocked_hubs.blocked_because as reason,
        hubs.records as record_count,
        coalesce(shared_hubs.people, least(count(hub_people.person), 1))
            as person_count
    from blocked_hubs
    inner join hubs on hubs.hub = blocked_hubs.hub
    left join shared_hubs on shared_hubs.hub = hubs.hub
    left join hub_people on hub_people.hub = hubs.hub
    group by
        hubs.identifier_type,
        hubs.identifier_value,
        blocked_hubs.blocked_because,
        hubs.records,
        shared_hubs.people
    order by hubs.identifier_type, hubs.identifier_value
    """,
    # Why, as SQL: what `crm360 explain` reads.
    """
    create or replace view identity.links as
    with

    pairs as (

        select
            'likeness' as kind,
            evidence as because,
            is_joining,
            left_source, left_export, left_record_id,
            right_source, right_export, right_record_id
        from identity.likely_pairs
        union all
        select
            'pin',
            concat('by ', decided_by),
            true,
            left_source, left_export, left_record_id,
            right_source, right_export, right_record_id
        from identity.overrides
        where decision = 'pin'

    ),

    ends as (

        select
            pairs.*,
            unnest([left_source, right_source]) as source,
            unnest([left_export, right_export]) as export,
            unnest([left_record_id, right_record_id]) as record_id
        from pairs

    )

    select
        customer_ids.customer_id,
        edges.source,
        edges.export,
        edges.record_id,
        edges.identifier_type as kind,
        concat(edges.identifier_type, ' ', edges.identifier_value) as link,
        edges.is_joining,
        edges.not_joining_because
    from identity.identifier_edges as edges
    inner join identity.customer_ids
        on customer_ids.source = edges.source
        and customer_ids.export = edges.export
        and customer_ids.record_id = edges.record_id
    union all
    select
        customer_ids.customer_id,
        ends.source,
        ends.export,
        ends.record_id,
        ends.kind,
        concat(
            ends.kind, ' (', ends.because, ') of ',
            ends.left_source, '.', ends.left_export, ':', ends.left_record_id, ' and ',
            ends.right_source, '.', ends.right_export, ':', ends.right_record_id
        ),
        ends.is_joining,
        case when not ends.is_joining then 'contradicts stronger evidence' end
    from ends
    inner join identity.customer_ids
        on customer_ids.source = ends.source
        and customer_ids.export = ends.export
        and customer_ids.record_id = ends.record_id
    """,
)
