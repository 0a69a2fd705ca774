"""Training a match model without labels: expectation maximisation over patterns.

Pairs are grouped by the levels of their attributes; how often pairs of one person are
at each level (m), and how many such pairs there are, is what makes the groups most
likely. How often pairs of two people are (u) is counted among random pairs, less the
pairs of one person among them. Pairs that blocking left out are taken for pairs of two
people, which is why the match rate counts against all pairs there are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt

from orchestration.lib.identity.attributes import ATTRIBUTES, Attribute
from orchestration.lib.identity.model import AttributeModel, MatchModel

Array = npt.NDArray[np.float64]
#: Random pairs that u is counted in.
_RANDOM_PAIRS = 400_000
_ITERATIONS = 100
#: What is known of the levels beforehand counts as so many pairs of one person, and as
#: this share of those that were found: what is learnt cannot drift away from it.
_PRIOR_PAIRS, _PRIOR_SHARE = 20.0, 0.1
#: Namesakes never take more than this from the weight of a name, in bits.
_MOST_NAMESAKE_BITS = 2.0
#: At most this share of one person's pairs has names or birth dates without likeness.
_MOST_CONTRADICTIONS = 0.2
#: People who share both names are two below this probability that they are one.
_LEAST_DOUBT = 0.2
_LINK_FROM = 1.0
_REVIEW_FROM = -4.0


@dataclass(frozen=True)
class Patterns:
    """Groups of equal pairs."""

    #: One row per group, one column per attribute: the place of the level, -1 for none.
    levels: npt.NDArray[np.int64]
    #: Sum of the rarities of the values that the pairs of a group share, in bits.
    rarity: Array
    pairs: Array


def create_random_pairs(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the temporary table `random_pairs (left_record, right_record)`.

    All pairs of a small relation; otherwise a fixed scattering of them.
    """
    connection.execute(
        f"""
        create or replace temp table random_pairs as
        with

        ranked as (

            select record, row_number() over (order by record) - 1 as place
            from features

        ),

        sized as (

            select count(*) as records from ranked

        ),

        places as (

            select
                ranked.place as left_place,
                case
                    when records * (records - 1) // 2 <= {_RANDOM_PAIRS}
                        then ranked.place + step
                    else (
                        ranked.place * 7919 + step * 104729 + step * step * 31
                    ) % records
                end as right_place
            from ranked, sized,
                range(
                    1,
                    case
                        when records * (records - 1) // 2 <= {_RANDOM_PAIRS}
                            then records
                        else 1 + greatest(1, {_RANDOM_PAIRS} // records)
                    end
                ) as steps(step)

        )

        select distinct
            least(left_ranked.record, right_ranked.record) as left_record,
            greatest(left_ranked.record, right_ranked.record) as right_record
        from places
        inner join ranked as left_ranked on left_ranked.place = places.left_place
        inner join ranked as right_ranked on right_ranked.place = places.right_place
        where places.left_place <> places.right_place
        """
    )


def read_patterns(
    connection: duckdb.DuckDBPyConnection, attributes: tuple[Attribute, ...]
) -> Patterns:
    """Group the pairs of the temporary table `compared`."""
    levels = ", ".join(
        f"coalesce(list_position({list(attribute.prior)}, {attribute.name}), 0) - 1"
        f" as {attribute.name}"
        for attribute in attributes
    )
    rarity = " + ".join(
        f"coalesce(case {attribute.name} when 'same'"
        f" then {attribute.name}_rarity end, 0)"
        for attribute in attributes
        if attribute.trust is None
    )
    table = connection.execute(
        f"""
        select
            {levels},
            round({rarity or "0"}, 0)::double as rarity,
            count(*)::double as pairs
        from compared
        group by all
        order by all
        """
    ).fetchnumpy()
    return Patterns(
        levels=np.column_stack(
            [np.asarray(table[attribute.name], np.int64) for attribute in attributes]
        ),
        rarity=np.asarray(table["rarity"], np.float64),
        pairs=np.asarray(table["pairs"], np.float64),
    )


@dataclass(frozen=True)
class Namesakes:
    """Among all pairs of records with both names, how many share which of them."""

    pairs: float = 0.0
    same_first: float = 0.0
    same_last: float = 0.0
    same_both: float = 0.0


def count_namesakes(connection: duckdb.DuckDBPyConnection) -> Namesakes:
    """Count over all pairs of `features`, by groups."""

    def pairs(key: str) -> str:
        return (
            "(select coalesce(sum(records * (records - 1) / 2), 0) from"
            f" (select count(*) as records from named group by {key}))"
        )

    row = connection.execute(
        "with named as (select first_name, last_name from features"
        " where first_name is not null and last_name is not null)"
        f" select {pairs('true')}, {pairs('first_name')}, {pairs('last_name')},"
        f" {pairs('first_name, last_name')}"
    ).fetchone()
    assert row is not None
    return Namesakes(*map(float, row))


def count_levels(
    connection: duckdb.DuckDBPyConnection, attributes: tuple[Attribute, ...], table: str
) -> dict[str, Array]:
    """By attribute, how many pairs of a compared table are at each level."""
    found = {}
    for attribute in attributes:
        counts = dict(
            connection.execute(
                f"select {attribute.name}, count(*) from {table} group by all"
            ).fetchall()
        )
        found[attribute.name] = np.array(
            [counts.get(level, 0) for level in attribute.prior], np.float64
        )
    return found


def fit(
    patterns: Patterns,
    random_levels: dict[str, Array],
    attributes: tuple[Attribute, ...],
    namesakes: Namesakes,
    *,
    records: float,
) -> MatchModel:
    """Estimate m, u and the match rate.

    The model has no vetoes: how much a contradiction weighs is learnt like the rest.

    Args:
        random_levels: by attribute, counts of random pairs at each level.
        records: rows of the relation; all their pairs count, compared or not.
    """
    all_pairs = max(records * (records - 1) / 2, 1.0)
    m = [_normalised(np.array(list(each.prior.values()))) for each in attributes]
    raw = [
        (random_levels[each.name] + 0.5 / len(each.prior))
        / (random_levels[each.name].sum() + 0.5)
        for each in attributes
    ]
    match_rate = min(0.5 * records / all_pairs, 0.5)
    u = [_without_matches(raw[n], m[n], match_rate) for n in range(len(attributes))]
    for n, attribute in enumerate(attributes):
        made = _is_among(attribute, attribute.made_of_names)
        u[n] = np.where(made, m[n], u[n])  # says nothing until namesakes are known
    is_namesake = _is_at_best(patterns, attributes, "first_name", "last_name")
    namesake_bits = 0.0
    for _ in range(_ITERATIONS):
        odds = np.log2(match_rate / (1 - match_rate)) + patterns.rarity
        odds -= np.where(is_namesake, namesake_bits, 0.0)
        for n, attribute in enumerate(attributes):
            weights = np.log2(m[n]) - np.log2(u[n])
            weights[0] = np.log2(m[n][0])
            if attribute.trust is not None:
                weights[0] = np.log2(
                    attribute.trust / (1 - attribute.trust) / match_rate
                )
            place = patterns.levels[:, n]
            odds += np.where(place >= 0, weights[place], 0.0)
        share = 1 / (1 + np.exp2(-np.clip(odds, -500, 500)))
        matches = share * patterns.pairs
        is_unlike = is_namesake & (share < _LEAST_DOUBT)
        before = match_rate
        match_rate = min(max(matches.sum(), 1.0) / all_pairs, 0.5)
        for n, attribute in enumerate(attributes):
            place = patterns.levels[:, n]
            counts = np.bincount(
                place[place >= 0], matches[place >= 0], minlength=len(attribute.prior)
            )
            prior = _normalised(np.array(list(attribute.prior.values())))
            prior_pairs = _PRIOR_PAIRS + _PRIOR_SHARE * counts.sum()
            m[n] = (counts + prior_pairs * prior) / (counts.sum() + prior_pairs)
            m[n] = _within_bounds(attribute, m[n])
            u[n] = _without_matches(raw[n], m[n], match_rate)
            if attribute.made_of_names:
                among = np.bincount(
                    place[is_unlike & (place >= 0)],
                    patterns.pairs[is_unlike & (place >= 0)],
                    minlength=len(attribute.prior),
                )
                of_namesakes = (among + _PRIOR_PAIRS * u[n]) / (
                    among.sum() + _PRIOR_PAIRS
                )
                made = _is_among(attribute, attribute.made_of_names)
                u[n] = np.where(made, np.maximum(u[n], of_namesakes), u[n])
        namesake_bits = _namesake_bits(
            namesakes,
            float(patterns.pairs[is_namesake & ~is_unlike].sum()),
            match_rate,
        )
        if abs(match_rate / before - 1) < 1e-6:
            break
    return MatchModel(
        matches_per_record=float(match_rate * all_pairs / records),
        attributes={
            attribute.name: AttributeModel(
                m=dict(zip(attribute.prior, m[n].tolist(), strict=True)),
                u=dict(zip(attribute.prior, u[n].tolist(), strict=True)),
                trust=attribute.trust,
            )
            for n, attribute in enumerate(attributes)
        },
        namesake_bits=namesake_bits,
        link_from=_LINK_FROM,
        review_from=_REVIEW_FROM,
    )


def _normalised(shares: Array) -> Array:
    return np.asarray(shares / shares.sum(), np.float64)


def _without_matches(raw: Array, m: Array, match_rate: float) -> Array:
    """Shares among pairs of two people, of shares among all pairs."""
    return np.asarray(np.maximum(raw - match_rate * m, 0.2 * raw), np.float64)


def _is_at_best(
    patterns: Patterns, attributes: tuple[Attribute, ...], *names: str
) -> npt.NDArray[np.bool_]:
    places = {attribute.name: n for n, attribute in enumerate(attributes)}
    if not set(names) <= set(places):
        return np.zeros(len(patterns.pairs), np.bool_)
    columns = patterns.levels[:, [places[name] for name in names]]
    return np.asarray((columns == 0).all(axis=1), np.bool_)


def _namesake_bits(namesakes: Namesakes, matches: float, match_rate: float) -> float:
    """How much more often two people share both names than the two names would say.

    Args:
        matches: pairs that share both names and may be of one person.
    """
    others = namesakes.same_both - matches
    if not namesakes.pairs or others <= 0:
        return 0.0
    of_one_person = match_rate * namesakes.pairs
    first, last = (
        max(same - of_one_person, 0.05 * same) / namesakes.pairs
        for same in (namesakes.same_first, namesakes.same_last)
    )
    bits = float(np.log2(others / namesakes.pairs / (first * last)))
    return min(max(bits, 0.0), _MOST_NAMESAKE_BITS)


def _is_among(attribute: Attribute, levels: frozenset[str]) -> npt.NDArray[np.bool_]:
    return np.array([level in levels for level in attribute.prior], np.bool_)


def _within_bounds(attribute: Attribute, m: Array) -> Array:
    """No more contradictions than records of one person ever have.

    Without a bound, namesakes pass for one person who always states another birth date.
    """
    contradicts = _is_among(attribute, attribute.vetoes)
    share = float(m[contradicts].sum())
    if share <= _MOST_CONTRADICTIONS:
        return m
    scale = (1 - _MOST_CONTRADICTIONS) / (1 - share)
    return np.where(contradicts, m * _MOST_CONTRADICTIONS / share, m * scale)


def present_attributes(records: Mapping[str, float]) -> tuple[Attribute, ...]:
    """The attributes that any record has."""
    return tuple(each for each in ATTRIBUTES if records[each.name])
