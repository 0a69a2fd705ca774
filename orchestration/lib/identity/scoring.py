"""Levels and weights of candidate pairs, as set-based SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.jinja_macros import JinjaMacros


class IdentityMacros(JinjaMacros):
    """The macros of dbt_project/macros/identity, rendered for DuckDB outside dbt."""

    def __init__(self, macros: Path) -> None:
        """Load them from the folder `dbt_project/macros`."""
        super().__init__(
            [macros / "engine.sql", *sorted((macros / "identity").glob("*.sql"))]
        )

    def level(self, attribute: str) -> str:
        """SQL of the level of likeness of `left_side` and `right_side`."""
        return self.call(f"compare_{attribute}", "left_side", "right_side")

    def weight(self, scoring: dict[str, Any]) -> str:
        """SQL of the weight of a row of `pair`."""
        return self.call("match_weight", scoring, "pair")

    def veto(self, scoring: dict[str, Any]) -> str:
        """SQL of whether a row of `pair` is forbidden."""
        return self.call("is_vetoed", scoring, "pair")


@dataclass(frozen=True)
class Sizes:
    """How many records there are."""

    records: float
    #: By attribute, how many have a value.
    known: Mapping[str, float]


def read_sizes(
    connection: duckdb.DuckDBPyConnection, features: str = "features"
) -> Sizes:
    """The sizes of a relation of features."""
    counts = ", ".join(f"count({attribute.name})" for attribute in ATTRIBUTES)
    row = connection.execute(f"select count(*), {counts} from {features}").fetchone()
    assert row is not None
    names = (attribute.name for attribute in ATTRIBUTES)
    return Sizes(row[0], dict(zip(names, row[1:], strict=True)))


def holders(attribute: str) -> str:
    """SQL: how many of a group of records that share a value count.

    Of a value that is given to one person, records with one first name count once.
    """
    return (
        "greatest(count(distinct first_name), 1)"
        if attribute in _TRUSTED
        else "count(*)"
    )


_TRUSTED = {each.name for each in ATTRIBUTES if each.trust is not None}


def create_rare_features(
    connection: duckdb.DuckDBPyConnection,
    attributes: Sequence[str],
    *,
    clusters: str | None = None,
) -> None:
    """Write the temporary table `rare_features`: `features` with rarities.

    `<attribute>_rarity` is log2 of one to the share of records that have this value.

    Args:
        clusters: relation with `record, cluster`; the shares are of clusters then, so
            that a person with many records does not make a name look common.
    """
    source = (
        "features"
        if clusters is None
        else f"features inner join {clusters} as clusters using (record)"
    )
    joins, columns = [], []
    for attribute in attributes:
        counted = "count(*)" if clusters is None else "count(distinct cluster)"
        held = holders(attribute) if clusters is None else counted
        joins.append(
            f"""
            left join (
                select {attribute}, log2(sum({counted}) over () / {held}) as rarity
                from {source}
                where {attribute} is not null
                group by {attribute}
            ) as {attribute}_values
                on {attribute}_values.{attribute} = features.{attribute}
            """
        )
        columns.append(f"{attribute}_values.rarity as {attribute}_rarity")
    connection.execute(
        f"create or replace temp table rare_features as"
        f" select features.*, {', '.join(columns)} from features {' '.join(joins)}"
    )


def create_compared(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    attributes: Sequence[str],
    *,
    features: str = "rare_features",
    pairs: str = "candidates",
    into: str = "compared",
    links: str | None = None,
    kind: Literal["table", "view"] = "table",
) -> None:
    """Write a temporary table of the pairs with the level of every attribute.

    Columns: `left_record, right_record`, each attribute (its level, null when a side
    says nothing) and `<attribute>_rarity` (null unless the level is `same`).

    Args:
        features: relation as `create_rare_features` writes it.
        links: relation with `left_record, right_record, attribute`: pairs that share an
            e-mail address or a phone which `features`, with one of each, do not show.
        kind: a view is for who reads it once.
    """
    columns = []
    for attribute in attributes:
        level = macros.level(attribute)
        if links:
            level = f"case when links.{attribute} then 'same' else {level} end"
        columns.append(
            f"{level} as {attribute},\n"
            f"case when left_side.{attribute} = right_side.{attribute}"
            f" then left_side.{attribute}_rarity end as {attribute}_rarity"
        )
    linked = ""
    if links:
        flags = ", ".join(
            f"bool_or(attribute = '{each}') as {each}" for each in attributes
        )
        linked = (
            f"left join (select left_record, right_record, {flags} from {links}"
            " group by left_record, right_record) as links"
            " on links.left_record = pairs.left_record"
            " and links.right_record = pairs.right_record"
        )
    connection.execute(
        f"""
        create or replace temp {kind} {into} as
        select pairs.left_record, pairs.right_record, {", ".join(columns)}
        from {pairs} as pairs
        inner join {features} as left_side on left_side.record = pairs.left_record
        inner join {features} as right_side on right_side.record = pairs.right_record
        {linked}
        """
    )


def create_scored_pairs(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    model: MatchModel,
    *,
    sizes: Sizes,
    pairs: str = "compared",
    into: str = "scored_pairs",
) -> None:
    """Write a temporary table with one row per compared pair.

    Columns: `left_record, right_record, weight, is_vetoed` and the level of every
    attribute: the evidence.
    """
    scoring = model.for_scoring(sizes.records, sizes.known)
    evidence = ", ".join(
        f"pair.{name}" if name in scoring["attributes"] else f"null::varchar as {name}"
        for name in (attribute.name for attribute in ATTRIBUTES)
    )
    connection.execute(
        f"""
        create or replace temp table {into} as
        select
            pair.left_record,
            pair.right_record,
            cast({macros.weight(scoring)} as double) as weight,
            {macros.veto(scoring)} as is_vetoed,
            {evidence}
        from {pairs} as pair
        """
    )
