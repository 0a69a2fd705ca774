"""Identity resolution as a whole: evidence, components, ids, and what is public of it.

What is found stands in temporary tables, and is published in one transaction. Those
tables are made outside of it, because DuckDB knows how large a table is and what is in
it only once it is committed: joins of what is not cost twice as much.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import duckdb

from orchestration.lib.identity import decisions, scope, stable_ids
from orchestration.lib.identity.components import create_components
from orchestration.lib.identity.decisions import Decision
from orchestration.lib.identity.evidence import (
    NONE_STANDING,
    IdentifierType,
    find_evidence,
    load_types,
)
from orchestration.lib.identity.features import create_features
from orchestration.lib.identity.keys import HUB, record_hash
from orchestration.lib.identity.likeness import Outgrown, find_likeness
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.identity.review import create_review_queue
from orchestration.lib.identity.scoring import IdentityMacros

#: What a resolution does, in order.
STAGES = (
    "changes",
    "normalising",
    "evidence",
    "likeness",
    "components",
    "ids",
    "tables",
)


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

    What no change since the last resolution reaches is left as it is; the result is
    that of a resolution of everything.

    Args:
        records: relation with the key `source, export, record_id`, `first_seen_at`,
            and any of the columns of people (`features.COLUMNS`).
        identifiers: relation with `source, export, record_id, identifier_type,
            identifier_value`, distinct.
        types: a type that is not listed joins nothing.
        blocked_identifiers: as for `find_evidence`.
        decided: what people decided.
        as_of: the run's logical day, the time of all events.
        model: what likeness is worth; without one only shared identifiers join.
        progress: told the name of each stage, of STAGES, before it begins.

    Raises:
        KeysCollide: two records have one key.
    """
    resolution = _Resolution(
        connection,
        macros,
        records,
        identifiers,
        types,
        blocked_identifiers,
        tuple(decided),
        as_of,
        model,
        progress,
    )
    try:
        return resolution.run()
    except Outgrown:
        return resolution.run(anew=True)


class KeysCollide(RuntimeError):
    """Two source records have one key, or one hash of their keys."""


def create_nodes(
    connection: duckdb.DuckDBPyConnection, *, is_whole: bool = True
) -> None:
    """Number the records of `delivered`, or of `scope`: the temporary table `nodes`.

    In order of the hashes of their keys, so that no order of rows matters.

    Raises:
        KeysCollide: two records have one.
    """
    only = "" if is_whole else "where record in (select record from scope)"
    connection.execute(
        f"""
        create or replace temp table nodes as
        select
            ranks.node,
            delivered.record,
            delivered.source,
            delivered.export,
            delivered.record_id,
            delivered.first_seen_at
        from delivered
        inner join (
            select record, row_number() over (order by record) - 1 as node
            from delivered
            {only}
        ) as ranks on ranks.record = delivered.record
        """
    )
    numbered, last = connection.execute(
        "select count(*), coalesce(max(node), -1) from nodes"
    ).fetchall()[0]
    if numbered != last + 1:
        raise KeysCollide("two records have one key of source, export and record_id")


@dataclass(frozen=True)
class _Resolution:
    """What is resolved, and by what; as for `resolve`."""

    connection: duckdb.DuckDBPyConnection
    macros: IdentityMacros
    records: str
    identifiers: str
    types: list[IdentifierType]
    blocked_identifiers: str
    decided: tuple[Decision, ...]
    as_of: date
    model: MatchModel | None
    progress: Callable[[str], None]

    def run(self, *, anew: bool = False) -> dict[str, int]:
        """Resolve what changed, or else everything.

        Raises:
            Outgrown: not `anew`, and so much has changed that all must be weighed anew.
        """
        self.progress("changes")
        decisions.load_decisions(self.connection, self.decided)
        load_types(self.connection, self.types)
        patterns = self.connection.execute(
            f"from {self.blocked_identifiers} order by all"
        ).fetchall()
        made_by = scope.made_by(self.macros.source, self.types, patterns, self.model)
        scope.read_delivered(
            self.connection, records=self.records, identifiers=self.identifiers
        )
        if (
            not anew
            and scope.is_known(self.connection, made_by)
            and scope.find_scope(
                self.connection, blocked_identifiers=self.blocked_identifiers
            )
        ):
            return self._of_scope(made_by)
        return self._of_everything(made_by)

    def _of_everything(self, made_by: str) -> dict[str, int]:
        """Resolve all records; nothing is known of them."""
        scope.forget(self.connection)
        self.progress("normalising")
        create_nodes(self.connection)
        self._create_features()
        self._find_evidence(standing=NONE_STANDING)
        self.progress("likeness")
        find_likeness(self.connection, self.macros, self.model, is_whole=True)
        self._join(is_whole=True)
        return self._publish(made_by, is_whole=True)

    def _of_scope(self, made_by: str) -> dict[str, int]:
        """Resolve the records of `scope`, and of whom their likeness links."""
        self.progress("normalising")
        create_nodes(self.connection, is_whole=False)
        self._create_features("scope")
        self._find_evidence(standing=scope.STANDING)
        self.progress("likeness")
        scope.unsign(self.connection)
        find_likeness(self.connection, self.macros, self.model, is_whole=False)
        if scope.widen_scope(self.connection, "moved"):
            self.progress("normalising")
            create_nodes(self.connection, is_whole=False)
            self._create_features("added", into="added_features")
            self.connection.execute("insert into features from added_features")
            self._find_evidence(standing=scope.STANDING)
        self._join(is_whole=False)
        return self._publish(made_by, is_whole=False)

    @property
    def _link_from(self) -> float:
        return self.model.link_from if self.model else 0

    def _create_features(self, only: str = "", *, into: str = "features") -> None:
        """Of all records, or of those in a table with `record`."""
        record = record_hash("records.")
        where = f"where {record} in (select record from {only})" if only else ""
        create_features(
            self.connection,
            f"(select {record} as record, records.*"
            f" from {self.records} as records {where})",
            into=into,
        )

    def _find_evidence(self, *, standing: str) -> None:
        self.progress("evidence")
        find_evidence(
            self.connection,
            self.macros,
            identifiers=self.identifiers,
            blocked_identifiers=self.blocked_identifiers,
            standing=standing,
        )

    def _join(self, *, is_whole: bool) -> None:
        """Components, and their ids."""
        self.progress("components")
        self.connection.execute(_LIKELY.format(link_from=self._link_from))
        create_components(self.connection, self.macros, pairs="likely_pairs")
        self.progress("ids")
        stable_ids.assign_ids(self.connection, is_whole=is_whole)

    def _publish(self, made_by: str, *, is_whole: bool) -> dict[str, int]:
        """Write what outlasts the run; how many events there are of each kind."""
        self.connection.begin()
        try:
            counts = self._published(made_by, is_whole=is_whole)
            self.connection.commit()
        except BaseException:
            self.connection.rollback()
            raise
        return counts

    def _published(self, made_by: str, *, is_whole: bool) -> dict[str, int]:
        counts = stable_ids.publish_ids(self.connection, as_of=self.as_of)
        self.progress("tables")
        if not is_whole:
            self.connection.execute(scope.RECOUNT)
        for table, (affected, query) in _PUBLIC.items():
            for statement in _WRITE if is_whole else _REWRITE:
                self.connection.execute(
                    statement.format(
                        table=f"identity.{table}", query=query, affected=affected
                    )
                )
        self.connection.execute(_LINKS)
        create_review_queue(self.connection, link_from=self._link_from)
        scope.remember(self.connection, made_by, is_whole=is_whole)
        return counts


_LIKELY = """
    create or replace temp table likely_pairs as
    select
        one.node,
        other.node as other_node,
        pairs.weight,
        pairs.evidence
    from identity_state.pairs as pairs
    inner join nodes as one on one.record = pairs.left_record
    inner join nodes as other on other.record = pairs.right_record
    where pairs.weight >= {link_from}
    """

_WRITE = ("create or replace table {table} as {query}",)
# Rows that are as they were stay where they are.
_REWRITE = (
    """
    create or replace temp table made as
    select *, hash(*columns(*)) as digest
    from ({query})
    """,
    """
    create or replace temp table had as
    select rowid as place, hash(*columns(*)) as digest
    from {table}
    where {affected}
    """,
    """
    delete from {table}
    where rowid in (select place from had anti join made using (digest))
    """,
    """
    insert into {table}
    select * exclude (digest)
    from made
    anti join had using (digest)
    """,
)

#: Public tables: which rows are of what is resolved again, and what they are then.
_PUBLIC = {
    "identifier_edges": (
        f"{record_hash()} in (select record from scope)",
        """
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
                    then
                        shared_links.person_group is not null
                        and shared_links.members > 1
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
        """,
    ),
    "likely_pairs": (
        f"{record_hash('left_')} in (select record from scope)",
        """
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
        """,
    ),
    "blocked_identifiers": (
        f"{HUB} in (select hub from spreading_hubs)",
        """
        select
            hubs.identifier_type,
            hubs.identifier_value,
            blocked_hubs.blocked_because as reason,
            hubs.records as record_count,
            shared_hubs.people as person_count
        from blocked_hubs
        inner join hubs on hubs.hub = blocked_hubs.hub
        left join shared_hubs on shared_hubs.hub = hubs.hub
        where not blocked_hubs.is_standing
        order by hubs.identifier_type, hubs.identifier_value
        """,
    ),
    "overrides": ("true", "from overrides"),
}

# Why, as SQL: what `crm360 explain` reads.
_LINKS = """
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
    """
