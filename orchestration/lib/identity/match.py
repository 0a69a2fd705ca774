"""Who is who in one file of people, without labels and without knowing the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.lib.identity.blocking import RuleReport, create_candidates
from orchestration.lib.identity.clustering import ClusterReport, create_clusters
from orchestration.lib.identity.features import COLUMNS, create_features
from orchestration.lib.identity.graph import one_number
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.identity.scoring import (
    IdentityMacros,
    create_compared,
    create_rare_features,
    create_scored_pairs,
    read_sizes,
)
from orchestration.lib.identity.training import (
    count_levels,
    count_namesakes,
    create_random_pairs,
    fit,
    present_attributes,
    read_patterns,
)
from orchestration.lib.warehouse import quoted, read_table, write_table

#: The first round counts how common a value is in records, the next in people.
_ROUNDS = 2


class MappingError(ValueError):
    """A mapping that does not fit the file."""


@dataclass(frozen=True)
class Matched:
    """What matching found."""

    rules: list[RuleReport]
    pairs: int
    clusters: ClusterReport
    model: MatchModel


def parse_mapping(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read `first_name=given_name,address=street_number+street`.

    Returns:
        By attribute (or `id`), the columns of the file that hold it.

    Raises:
        MappingError: naming what cannot be read.
    """
    known = ("id", *COLUMNS)
    mapping: dict[str, tuple[str, ...]] = {}
    for entry in (entry for text in texts for entry in text.split(",")):
        attribute, equals, columns = entry.partition("=")
        attribute = attribute.strip()
        names = tuple(name.strip() for name in columns.split("+"))
        if not equals or not all(names):
            raise MappingError(
                f"{entry.strip()!r} is not of the form attribute=column or"
                " attribute=column+column"
            )
        if attribute not in known:
            raise MappingError(
                f"attribute {attribute!r} is unknown; there are {', '.join(known)}"
            )
        if attribute in mapping:
            raise MappingError(f"attribute {attribute!r} is mapped twice")
        mapping[attribute] = names
    if not set(mapping) - {"id"}:
        raise MappingError("nothing to compare is mapped")
    return mapping


def read_people(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    mapping: Mapping[str, Sequence[str]],
) -> None:
    """Write the temporary table `people`: `record`, `id` and the mapped attributes.

    Records are numbered in the order of their ids, so that the order of the file's
    rows does not matter; without an id, in the order of its rows.

    Raises:
        MappingError: a column is not in the file (the error lists those that are), or
            ids repeat.
        TableUnreadable: the file is of another kind.
    """
    columns = {name.strip().lower(): name for name in read_table(connection, file)}
    missing = [
        name
        for names in mapping.values()
        for name in names
        if name.lower() not in columns
    ]
    if missing:
        present = ", ".join(name.strip() for name in columns.values())
        raise MappingError(
            f"{file} has no column {', '.join(missing)}; it has {present}"
        )

    def text(names: Sequence[str]) -> str:
        parts = [f"cast({quoted(columns[name.lower()])} as varchar)" for name in names]
        return parts[0] if len(parts) == 1 else f"concat_ws(' ', {', '.join(parts)})"

    attributes = ", ".join(
        f"{text(names)} as {attribute}"
        for attribute, names in mapping.items()
        if attribute != "id"
    )
    record_id = text(mapping["id"]) if "id" in mapping else "cast(null as varchar)"
    connection.execute(
        f"""
        create or replace temp table people as
        with

        numbered as (

            select
                _row_number as row_number,
                trim({record_id}) as delivered_id,
                {attributes}
            from delivered

        )

        select
            row_number() over (
                order by try_cast(delivered_id as bigint), delivered_id, row_number
            ) as record,
            coalesce(delivered_id, cast(row_number as varchar)) as id,
            * exclude (row_number, delivered_id)
        from numbered
        """
    )
    repeated = connection.execute("select count(*) - count(distinct id) from people")
    (count,) = repeated.fetchone() or (0,)
    if count:
        raise MappingError(
            f"{count:,} ids of {file} repeat earlier ones: name a column whose values"
            " are unique, or leave id out and rows are numbered from 1"
        )


def match_people(
    connection: duckdb.DuckDBPyConnection,
    people: str,
    macros: IdentityMacros,
    *,
    links: str | None = None,
) -> Matched:
    """Train on the people themselves and cluster them.

    Writes the temporary tables `clusters (record, cluster)`, `scored_pairs` and
    `review_pairs`.

    Args:
        people: relation with `record` (bigint, unique) and any of features.COLUMNS.
        links: as of `scoring.create_compared`.
    """
    create_features(connection, people)
    rules = create_candidates(connection, links=links)
    sizes = read_sizes(connection)
    attributes = present_attributes(sizes.known)
    names = [attribute.name for attribute in attributes]
    if not names:
        raise ValueError("no record has a value in any of the mapped columns")
    create_random_pairs(connection)
    create_rare_features(connection, names)
    create_compared(
        connection, macros, names, pairs="random_pairs", into="random_compared"
    )
    random_levels = count_levels(connection, attributes, "random_compared")
    namesakes = count_namesakes(connection)
    for number in range(_ROUNDS):
        if number:
            create_rare_features(connection, names, clusters="clusters")
        create_compared(connection, macros, names, links=links)
        model = fit(
            read_patterns(connection, attributes),
            random_levels,
            attributes,
            namesakes,
            records=sizes.records,
        )
        create_scored_pairs(connection, macros, model, sizes=sizes)
        clusters = create_clusters(connection, model, macros, sizes)
    return Matched(
        rules=rules,
        pairs=one_number(connection, "select count(*) from scored_pairs"),
        clusters=clusters,
        model=model,
    )


def write_clusters(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write `record_id, cluster_id` of every record, as CSV or Parquet by the name."""
    write_table(
        connection,
        """
        select people.id as record_id, firsts.id as cluster_id
        from people
        inner join clusters on clusters.record = people.record
        inner join people as firsts on firsts.record = clusters.cluster
        order by people.record
        """,
        out,
    )


def write_pairs(connection: duckdb.DuckDBPyConnection, out: Path) -> None:
    """Write the pairs that were linked, or are for review, with the evidence."""
    write_table(
        connection,
        """
        select
            left_people.id as left_id,
            right_people.id as right_id,
            left_clusters.cluster = right_clusters.cluster as is_linked,
            scored_pairs.* exclude (left_record, right_record)
                replace (round(scored_pairs.weight, 3) as weight)
        from scored_pairs
        inner join people as left_people on left_people.record = left_record
        inner join people as right_people on right_people.record = right_record
        inner join clusters as left_clusters on left_clusters.record = left_record
        inner join clusters as right_clusters on right_clusters.record = right_record
        left join review_pairs using (left_record, right_record)
        where
            left_clusters.cluster = right_clusters.cluster
            or review_pairs.left_record is not null
        order by left_record, right_record
        """,
        out,
    )
