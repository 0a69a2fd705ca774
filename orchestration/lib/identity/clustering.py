"""From weighed pairs to people: components, and those taken apart that do not hold.

A chain of good pairs may join two people. Every component whose records were not all
found alike is therefore judged as a whole: all its pairs are weighed, and its records
are joined, best groups first, as long as two groups fit on average and no pair between
them is vetoed.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage

from orchestration.lib.identity.graph import (
    Indices,
    component_labels,
    one_number,
    write_numbers,
)
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.identity.scoring import (
    IdentityMacros,
    Sizes,
    create_compared,
    create_scored_pairs,
)

Weights = npt.NDArray[np.float64]
#: A component with more records is cut along its weakest pairs until its parts are not;
#: what no weight takes apart, such as copies of one record, stays whole.
LARGEST_COMPONENT = 300
#: Weights are counted no higher and no lower than this, so that one pair cannot decide
#: about a whole group.
_HIGHEST, _LOWEST = 15.0, -10.0
#: Two groups fit when their pairs weigh this much on average. Below zero, because the
#: prior odds of two records counts in each pair but should count once for a group.
_FIT_FROM = -3.0
_VETO = -1e9


@dataclass(frozen=True)
class ClusterReport:
    """What became of the records."""

    records: int
    clusters: int
    largest_cluster: int
    #: Components that were judged as a whole, and how many were taken apart.
    judged_components: int
    split_components: int
    review_pairs: int


def create_clusters(
    connection: duckdb.DuckDBPyConnection,
    model: MatchModel,
    macros: IdentityMacros,
    sizes: Sizes,
) -> ClusterReport:
    """Write the temporary tables `clusters` and `review_pairs`.

    `clusters (record, cluster)` has every record of `features`; a cluster is named
    after its smallest record. `review_pairs` are the rows of `scored_pairs` that a
    person should see, one of any two clusters: records that are nearly alike enough,
    or share an identifier although something forbids to link them.

    Reads the temporary tables `features`, `rare_features` and `scored_pairs`; a caller
    may have added pairs to that, links that are certain or forbidden.
    """
    ids = np.asarray(
        connection.execute("select record from features order by record").fetchnumpy()[
            "record"
        ],
        np.int64,
    )
    left, right, weight, vetoed = _pairs(connection, ids, "scored_pairs")
    pieces = _pieces(
        len(ids), left, right, np.where(vetoed, -np.inf, weight), model.link_from
    )
    write_numbers(connection, "pieces", {"record": ids, "piece": pieces})
    _weigh_missing_pairs(connection, model, macros, sizes)
    left, right, weight, vetoed = _pairs(connection, ids, "piece_pairs")
    weight = np.where(vetoed, _VETO, np.clip(weight, _LOWEST, _HIGHEST))
    clusters, judged, split = _judged(pieces, left, right, weight)
    write_numbers(connection, "clusters", {"record": ids, "cluster": ids[clusters]})
    return ClusterReport(
        records=len(ids),
        clusters=len(np.unique(clusters)),
        largest_cluster=int(np.bincount(clusters).max(initial=0)),
        judged_components=judged,
        split_components=split,
        review_pairs=_create_review_pairs(connection, model),
    )


def _pairs(
    connection: duckdb.DuckDBPyConnection, ids: Indices, table: str
) -> tuple[Indices, Indices, Weights, npt.NDArray[np.bool_]]:
    """Pairs in order, their ends as places in `ids`."""
    found = connection.execute(
        f"select left_record, right_record, weight, is_vetoed from {table}"
        " order by left_record, right_record"
    ).fetchnumpy()
    return (
        np.searchsorted(ids, found["left_record"]),
        np.searchsorted(ids, found["right_record"]),
        np.asarray(found["weight"], np.float64),
        np.asarray(found["is_vetoed"], np.bool_),
    )


def _pieces(
    count: int, left: Indices, right: Indices, weight: Weights, link_from: float
) -> Indices:
    """Components of the pairs from `link_from` up; large ones cut at higher weights."""
    linked = weight >= link_from
    left, right, weight = left[linked], right[linked], weight[linked]
    pieces = component_labels(count, left, right)
    threshold = link_from
    while len(weight) and threshold < weight.max():
        is_large = np.bincount(pieces)[pieces] > LARGEST_COMPONENT
        if not is_large.any():
            break
        threshold = min(threshold + 1, float(weight.max()))
        stays = ~is_large[left] | (weight >= threshold)
        left, right, weight = left[stays], right[stays], weight[stays]
        pieces = component_labels(count, left, right)
    return pieces


def _weigh_missing_pairs(
    connection: duckdb.DuckDBPyConnection,
    model: MatchModel,
    macros: IdentityMacros,
    sizes: Sizes,
) -> None:
    """Write the temporary table `piece_pairs`: every pair within a piece, weighed."""
    connection.execute(
        f"""
        create or replace temp table pairs_within as
        select
            left_pieces.record as left_record,
            right_pieces.record as right_record
        from pieces as left_pieces
        inner join pieces as right_pieces
            on right_pieces.piece = left_pieces.piece
            and right_pieces.record > left_pieces.record
        where
            left_pieces.piece in (
                select piece from pieces
                group by piece
                having count(*) between 2 and {LARGEST_COMPONENT}
            )
        """
    )
    connection.execute(
        """
        create or replace temp table missing_pairs as
        select left_record, right_record from pairs_within
        anti join scored_pairs using (left_record, right_record)
        """
    )
    attributes = [name for name in model.attributes if _is_compared(connection, name)]
    create_compared(
        connection, macros, attributes, pairs="missing_pairs", into="missing_compared"
    )
    create_scored_pairs(
        connection,
        macros,
        model,
        sizes=sizes,
        pairs="missing_compared",
        into="missing_scored",
    )
    connection.execute(
        """
        create or replace temp table piece_pairs as
        select left_record, right_record, weight, is_vetoed from scored_pairs
        semi join pairs_within using (left_record, right_record)
        union all
        select left_record, right_record, weight, is_vetoed from missing_scored
        """
    )


def _is_compared(connection: duckdb.DuckDBPyConnection, attribute: str) -> bool:
    columns = connection.execute("select * from rare_features limit 0").description
    return f"{attribute}_rarity" in {column[0] for column in columns or []}


def _judged(
    pieces: Indices, left: Indices, right: Indices, weight: Weights
) -> tuple[Indices, int, int]:
    """The place of the first record of each record's cluster; judged and split pieces.

    Pieces of which no pair is given stay as they are.
    """
    by_piece = np.argsort(pieces, kind="stable")
    starts = np.searchsorted(pieces[by_piece], np.arange(pieces.max(initial=0) + 2))
    clusters = by_piece[starts[pieces]]
    order = np.lexsort((right, left, pieces[left]))
    piece_of_pair, weight = pieces[left][order], weight[order]
    bounds = np.append(np.flatnonzero(np.diff(piece_of_pair, prepend=-1)), len(weight))
    begins, ends = bounds[:-1], bounds[1:]
    worst = np.minimum.reduceat(weight, begins) if len(begins) else weight
    judged = split = 0
    for place in np.flatnonzero(worst < _FIT_FROM):
        begin, end = begins[place], ends[place]
        piece = piece_of_pair[begin]
        members = by_piece[starts[piece] : starts[piece + 1]]
        tree = linkage(_HIGHEST - weight[begin:end], "average")
        groups = fcluster(tree, _HIGHEST - _FIT_FROM, "distance")
        _, firsts, group_of = np.unique(groups, return_index=True, return_inverse=True)
        clusters[members] = members[firsts[group_of]]
        judged += 1
        split += len(firsts) > 1
    return clusters, judged, split


def _create_review_pairs(
    connection: duckdb.DuckDBPyConnection, model: MatchModel
) -> int:
    connection.execute(
        f"""
        create or replace temp table review_pairs as
        with

        doubtful as (

            select
                scored_pairs.*,
                row_number() over (
                    partition by
                        least(left_clusters.cluster, right_clusters.cluster),
                        greatest(left_clusters.cluster, right_clusters.cluster)
                    order by weight desc, left_record asc, right_record asc
                ) as place
            from scored_pairs
            inner join clusters as left_clusters
                on left_clusters.record = scored_pairs.left_record
            inner join clusters as right_clusters
                on right_clusters.record = scored_pairs.right_record
            where
                left_clusters.cluster <> right_clusters.cluster
                and weight >= {model.review_from}
                and (not is_vetoed or email = 'same' or phone = 'same')

        )

        select * exclude (place)
        from doubtful
        where place = 1
        """
    )
    return one_number(connection, "select count(*) from review_pairs")
