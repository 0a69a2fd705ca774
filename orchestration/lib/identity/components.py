"""Records into components: whoever evidence joins, unless it contradicts itself.

All evidence is taken at once, so that no order of records matters. Components in which
two people, too many values of a kind or a veto stand against each other are taken apart
again: their links are tried from the strongest to the weakest, and one that would bring
together what must stay apart is left out.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import duckdb
import numpy as np

from orchestration.lib.identity.evidence import incompatible
from orchestration.lib.identity.graph import (
    Indices,
    component_labels,
    one_number,
    write_numbers,
)
from orchestration.lib.identity.scope import DECIDED
from orchestration.lib.identity.scoring import IdentityMacros

#: More differently described people than this contradict each other without a look.
_MOST_PEOPLE = 100


def create_components(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    *,
    pairs: str | None = None,
) -> None:
    """Write `components (node, component)`, `left_out` and `regions`, all temporary.

    `left_out (node, hub, other_node)` holds the links that were not followed because
    of what contradicts them: to a hub, or in a pair to another node. `regions (node,
    first_node)` has of every node the first that any link leads to, followed or not,
    but those to blocked hubs: no node of another region bears upon its component.

    Needs `nodes`, the tables of `find_evidence`, and `overrides`.

    Args:
        pairs: relation with `node`, `other_node` and `weight` (log2 odds), records
            that are one person by more than one shared identifier.
    """
    graph = _read_graph(connection, pairs or _NO_PAIRS)
    labels = graph.labels()
    _write_regions(connection, graph, labels)
    components = labels[: graph.first_hub]
    numbers = np.arange(len(components))
    write_numbers(connection, "joined", {"node": numbers, "component": components})
    _write_crowded(connection, graph, labels)
    for statement in _CONFLICTS:
        connection.execute(
            statement.format(
                incompatible=incompatible(macros), most_people=_MOST_PEOPLE
            )
        )
    nodes = connection.execute(_CONFLICTED_NODES).fetchnumpy()["node"]
    parts = _part(connection, macros, nodes.tolist())
    components[nodes] = len(labels) + np.array(parts, np.int64)
    write_numbers(connection, "components", {"node": numbers, "component": components})


_NO_PAIRS = "(select 0 as node, 0 as other_node, 0.0 as weight where false)"

# Nodes of the graph are records, then hubs, then the groups of those that are shared.
_EDGES = (
    f"""
    create or replace temp table decided as
    select
        decisions.decision,
        least(one.node, other.node) as node,
        greatest(one.node, other.node) as other_node
    from ({DECIDED}) as decisions
    inner join nodes as one on one.record = decisions.left_record
    inner join nodes as other on other.record = decisions.right_record
    """,
    """
    create or replace temp table special_edges as
    select
        shared_links.node,
        {first_group} + shared_links.person_group as target,
        shared_links.hub,
        types.weight
    from shared_links
    inner join hubs on hubs.hub = shared_links.hub
    inner join identifier_types as types
        on types.identifier_type = hubs.identifier_type
    where shared_links.person_group is not null
    union all
    select pairs.node, pairs.other_node, null, pairs.weight
    from {pairs} as pairs
    union all
    select node, other_node, null, cast('infinity' as double)
    from decided
    where decision = 'pin'
    """,
    # A view, for the few edges that are looked at one by one.
    """
    create or replace temp view edges as
    select
        carried.node,
        {first_hub} + carried.hub as target,
        carried.hub,
        types.weight
    from carried
    inner join hubs
        on hubs.hub = carried.hub
        and hubs.records > 1
    inner join identifier_types as types
        on types.identifier_type = hubs.identifier_type
    anti join blocked_hubs on blocked_hubs.hub = carried.hub
    anti join shared_hubs on shared_hubs.hub = carried.hub
    union all
    select node, target, hub, weight
    from special_edges
    """,
)


@dataclass(frozen=True)
class _Graph:
    """Records, hubs and groups of shared hubs as numbered nodes, and their edges."""

    first_hub: int
    first_group: int
    size: int
    #: By hub, its kind in `_KINDS`; -1 if it is blocked or shared.
    kinds: Indices
    ends: Indices
    targets: Indices

    def labels(self) -> Indices:
        """The number of each node's component."""
        return component_labels(self.size, self.ends, self.targets)


_KINDS = """
    select
        *,
        row_number() over (order by identifier_type) - 1 as kind
    from identifier_types
    """

_LIMITS = f"select kind, max_per_customer from ({_KINDS}) order by kind"

_HUBS = f"""
    select hubs.hub, types.kind
    from hubs
    inner join ({_KINDS}) as types on types.identifier_type = hubs.identifier_type
    """

_NOT_JOINING = """
    select hub from blocked_hubs
    union all
    select hub from shared_hubs
    """


def _read_graph(connection: duckdb.DuckDBPyConnection, pairs: str) -> _Graph:
    """Write `decided`, `special_edges` and the view `edges`, and read them."""
    first_hub = one_number(connection, "select count(*) from nodes")
    first_group = first_hub + one_number(connection, "select count(*) from hubs")
    for statement in _EDGES:
        connection.execute(
            statement.format(pairs=pairs, first_hub=first_hub, first_group=first_group)
        )
    hubs = connection.execute(_HUBS).fetchnumpy()
    kinds = np.full(first_group - first_hub, -1, np.int64)
    kinds[hubs["hub"]] = hubs["kind"]
    kinds[connection.execute(_NOT_JOINING).fetchnumpy()["hub"]] = -1
    carried = connection.execute("select node, hub from carried").fetchnumpy()
    joining = kinds[carried["hub"]] >= 0
    special = connection.execute("select node, target from special_edges").fetchnumpy()
    return _Graph(
        first_hub=first_hub,
        first_group=first_group,
        size=max(first_group, int(special["target"].max(initial=-1)) + 1),
        kinds=kinds,
        ends=np.concatenate([carried["node"][joining], special["node"]]),
        targets=np.concatenate(
            [first_hub + carried["hub"][joining], special["target"]]
        ),
    )


def _write_regions(
    connection: duckdb.DuckDBPyConnection, graph: _Graph, labels: Indices
) -> None:
    """Write `regions`: components, and those together that share a hub."""
    shared = connection.execute(_SHARED_CARRIED).fetchnumpy()
    regions = component_labels(
        len(labels),
        labels[shared["node"]],
        labels[graph.first_hub + shared["hub"]],
    )[labels[: graph.first_hub]]
    nodes = np.arange(len(regions))
    firsts = np.zeros(len(labels), np.int64)
    firsts[regions[::-1]] = nodes[::-1]
    write_numbers(connection, "regions", {"node": nodes, "first_node": firsts[regions]})


_SHARED_CARRIED = """
    select carried.node, carried.hub
    from carried
    semi join shared_hubs on shared_hubs.hub = carried.hub
    anti join blocked_hubs on blocked_hubs.hub = carried.hub
    """


def _write_crowded(
    connection: duckdb.DuckDBPyConnection, graph: _Graph, labels: Indices
) -> None:
    """Write `crowded (component)`: more values of a kind than one person has."""
    shared = connection.execute(_SHARED_HUBS).fetchnumpy()
    groups = labels[graph.first_group + shared["person_group"]]
    _, kinds, groups = np.unique([shared["hub"], shared["kind"], groups], axis=1)
    crowded = np.zeros(len(labels), np.bool_)
    for kind, limit in connection.execute(_LIMITS).fetchall():
        hubs = graph.first_hub + np.flatnonzero(graph.kinds == kind)
        holders = np.concatenate([labels[hubs], groups[kinds == kind]])
        crowded |= np.bincount(holders, minlength=len(labels)) > limit
    write_numbers(connection, "crowded", {"component": np.flatnonzero(crowded)})


_SHARED_HUBS = f"""
    select distinct shared_links.hub, shared_links.person_group, types.kind
    from shared_links
    inner join hubs on hubs.hub = shared_links.hub
    inner join ({_KINDS}) as types on types.identifier_type = hubs.identifier_type
    where shared_links.person_group is not null
    """

_CONFLICTS = (
    """
    create or replace temp table component_people as
    with

    together as (

        select distinct
            joined.component,
            described.person
        from joined
        inner join described on described.node = joined.node

    )

    select together.*
    from together
    inner join (
        select component from together group by component having count(*) > 1
    ) as several on several.component = together.component
    """,
    """
    create or replace temp table conflicted as
    select one.component
    from component_people as one
    inner join component_people as other
        on other.component = one.component
        and other.person > one.person
    inner join people as left_side on left_side.person = one.person
    inner join people as right_side on right_side.person = other.person
    where {incompatible}
    union
    select component
    from component_people
    group by component
    having count(*) > {most_people}
    union
    select joined.component
    from decided
    inner join joined on joined.node = decided.node
    inner join joined as others
        on others.node = decided.other_node
        and others.component = joined.component
    where decided.decision = 'veto'
    union
    select component
    from crowded
    """,
)


@dataclass(frozen=True)
class _Face:
    """Descriptions of one person, and those that contradict any of them."""

    people: frozenset[int] = frozenset()
    against: frozenset[int] = frozenset()

    def fits(self, other: "_Face") -> bool:
        return not (self.people & other.against or self.against & other.people)

    def with_(self, other: "_Face") -> "_Face":
        return _Face(self.people | other.people, self.against | other.against)


@dataclass
class _Cluster:
    """What a growing cluster holds, and what it must not come together with."""

    #: One, but where a pin holds people together who contradict each other.
    faces: list[_Face] = field(default_factory=lambda: [_Face()])
    vetoes: set[tuple[int, int]] = field(default_factory=set)
    #: Hubs by type of identifier.
    hubs: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    def is_vetoed(self, other: "_Cluster") -> bool:
        """Whether people decided that the two are not one person."""
        return any((number, 1 - side) in other.vetoes for number, side in self.vetoes)

    def bears(self, other: "_Cluster", limits: dict[str, int]) -> bool:
        """Whether the two can be one person."""
        return any(
            mine.fits(theirs) for mine in self.faces for theirs in other.faces
        ) and not any(
            len(hubs | self.hubs[kind]) > limits[kind]
            for kind, hubs in other.hubs.items()
        )

    def take(self, other: "_Cluster") -> None:
        """Become both."""
        fitting = [
            (mine, theirs)
            for mine in self.faces
            for theirs in other.faces
            if mine.fits(theirs)
        ]
        used = {face for pair in fitting for face in pair}
        self.faces = [mine.with_(theirs) for mine, theirs in fitting] + [
            face for face in (*self.faces, *other.faces) if face not in used
        ]
        self.vetoes |= other.vetoes
        for kind, hubs in other.hubs.items():
            self.hubs[kind] |= hubs


def _part(
    connection: duckdb.DuckDBPyConnection, macros: IdentityMacros, nodes: list[int]
) -> list[int]:
    """The part of each node of the conflicted components; writes `left_out`.

    The links of a component are followed from the strongest to the weakest, pins
    first; ties go by the keys of the records. The loop over rows sees conflicted
    components only.
    """
    limits = dict(
        connection.execute(
            "select identifier_type, max_per_customer from identifier_types"
        ).fetchall()
    )
    clusters: dict[int, _Cluster] = defaultdict(_Cluster)
    against: dict[int, set[int]] = defaultdict(set)
    for one, other in connection.execute(
        _INCOMPATIBLE_PEOPLE.format(incompatible=incompatible(macros))
    ).fetchall():
        against[one].add(other)
        against[other].add(one)
    for node, person in connection.execute(_PEOPLE_OF_NODES).fetchall():
        clusters[node].faces = [_Face(frozenset({person}), frozenset(against[person]))]
    for number, sides in enumerate(connection.execute(_VETOES).fetchall()):
        for side, node in enumerate(sides):
            clusters[node].vetoes.add((number, side))
    for node, kind, hub in connection.execute(_HUBS_OF_NODES).fetchall():
        clusters[node].hubs[kind].add(hub)

    parents: dict[int, int] = {}

    def root(node: int) -> int:
        while (parent := parents.setdefault(node, node)) != node:
            parents[node] = node = parents[parent]
        return node

    left_out = []
    tried = connection.execute(_TRIED_EDGES).fetchall() if nodes else []
    for node, target, hub, weight in tried:
        one, other = root(node), root(target)
        if one == other:
            continue
        if not clusters[one].is_vetoed(clusters[other]) and (
            weight == float("inf") or clusters[one].bears(clusters[other], limits)
        ):
            parents[other] = one
            clusters[one].take(clusters.pop(other))
        else:
            left_out.append((node, hub, None if hub is not None else target))
    write_numbers(
        connection,
        "left_out",
        {
            "node": [row[0] for row in left_out],
            "hub": [row[1] for row in left_out],
            "other_node": [row[2] for row in left_out],
        },
    )
    return [root(node) for node in nodes]


_CONFLICTED_NODES = """
    select joined.node
    from joined
    inner join conflicted on conflicted.component = joined.component
    order by joined.node
    """

_PEOPLE_OF_NODES = """
    select described.node, described.person
    from described
    inner join joined on joined.node = described.node
    inner join conflicted on conflicted.component = joined.component
    """

_INCOMPATIBLE_PEOPLE = """
    select distinct one.person, other.person
    from component_people as one
    inner join conflicted on conflicted.component = one.component
    inner join component_people as other
        on other.component = one.component
        and other.person > one.person
    inner join people as left_side on left_side.person = one.person
    inner join people as right_side on right_side.person = other.person
    where {incompatible}
    """

_VETOES = """
    select node, other_node
    from decided
    where decision = 'veto'
    order by node, other_node
    """

_HUBS_OF_NODES = """
    select held.node, hubs.identifier_type, held.hub
    from (
        select carried.node, carried.hub
        from carried
        anti join blocked_hubs on blocked_hubs.hub = carried.hub
        anti join shared_hubs on shared_hubs.hub = carried.hub
        union all
        select node, hub
        from shared_links
        where person_group is not null
    ) as held
    inner join joined on joined.node = held.node
    inner join conflicted on conflicted.component = joined.component
    inner join hubs on hubs.hub = held.hub
    """

# Hubs are numbered as they come: of equal links, values decide, then records.
_TRIED_EDGES = """
    select edges.node, edges.target, edges.hub, edges.weight
    from edges
    inner join joined on joined.node = edges.node
    inner join conflicted on conflicted.component = joined.component
    left join hubs on hubs.hub = edges.hub
    order by
        edges.weight desc,
        hubs.identifier_type asc,
        hubs.identifier_value asc,
        edges.target asc,
        edges.node asc
    """
