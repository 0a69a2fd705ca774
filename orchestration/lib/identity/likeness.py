"""Who is alike: pairs of records that share little, or nothing, but who they are.

Every record's features, with how rare each of its values is, and the pairs that were
found outlast the run (`identity_state.features`, `identity_state.pairs`), so that the
next one compares what changed alone. That the others weigh as if they were compared
anew, rarities are whole bits: a value's changes when the number of its records is about
halved or doubled, and then its pairs are weighed again.
"""

import math

import duckdb

from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.blocking import (
    DAILY_RULES,
    Changes,
    create_candidates,
)
from orchestration.lib.identity.model import MatchModel
from orchestration.lib.identity.scoring import (
    IdentityMacros,
    Sizes,
    create_compared,
    create_scored_pairs,
    holders,
    read_sizes,
)

FEATURES = "identity_state.features"


class Outgrown(Exception):
    """The company has another size: what was weighed before is worth no comparison."""


def find_likeness(
    connection: duckdb.DuckDBPyConnection,
    macros: IdentityMacros,
    model: MatchModel | None,
    *,
    is_whole: bool,
) -> None:
    """Bring `identity_state.pairs` up to date: pairs to link, or to ask people about.

    `identity_state.pairs (left_record, right_record, weight, evidence)` holds pairs of
    hashes of records from `review_from` up that nothing forbids. Writes the temporary
    table `moved (record)`: the ends of linked pairs that came, went or changed.

    Needs `scope`, and of its records `nodes`, `features` and the tables of
    `find_evidence`.

    Args:
        is_whole: whether `scope` is everything, and the state empty.

    Raises:
        Outgrown: not `is_whole`, and so much has changed that all must be weighed anew.
    """
    connection.execute("create or replace temp table moved (record ubigint)")
    if model is None:
        connection.execute(_NO_PAIRS)
        return
    for statement in (*_COMPARABLE, *(() if is_whole else _DIFFERING)):
        connection.execute(statement)
    sizes = _sizes(connection, "comparable" if is_whole else FEATURES)
    _expect(connection, "sizes", sizes, is_whole=is_whole)
    attributes = [name for name in model.attributes if sizes.known[name]]
    (_create if is_whole else _update)(connection, attributes, sizes)
    reports = create_candidates(
        connection,
        features=FEATURES,
        content="content",
        changes=None if is_whole else _CHANGES,
        rules=DAILY_RULES,
    )
    skipped = [report.name for report in reports if report.is_skipped]
    _expect(connection, "skipped_rules", skipped, is_whole=is_whole)
    create_compared(
        connection, macros, attributes, features=FEATURES, into="seen_once", kind="view"
    )
    create_scored_pairs(connection, macros, model, sizes=sizes, pairs="seen_once")
    alike = _ALIKE.format(review_from=model.review_from)
    if is_whole:
        connection.execute(f"create table identity_state.pairs as {alike}")
        return
    connection.execute(f"create or replace temp table alike as {alike}")
    for statement in _REPLACE:
        connection.execute(statement)
    connection.execute(_MOVED.format(link_from=model.link_from))


_CHANGES = Changes(records="differing", former="former_features", paired="paired")

_NO_PAIRS = """
    create table if not exists identity_state.pairs (
        left_record ubigint, right_record ubigint, weight double, evidence varchar
    )
    """

_COMPARABLE = (
    # That two people have nobody's address, or their family's, is no likeness.
    """
    create or replace temp table not_their_own as
    select distinct nodes.record, hubs.identifier_type
    from (
        select hub from blocked_hubs
        union
        select hub from shared_hubs
    ) as nobodys
    inner join hubs on hubs.hub = nobodys.hub
    inner join carried on carried.hub = nobodys.hub
    inner join nodes on nodes.node = carried.node
    """,
    # Records that say the same, and share an address or number, are one by that: one
    # of them is compared with the others. A customer's hundred orders cost as one.
    """
    create or replace temp table copies as
    select nodes.record
    from nodes
    inner join delivered on delivered.record = nodes.record
    inner join (
        select copied, min(record) as record
        from delivered
        where copied is not null
        group by copied
        having count(*) > 1
    ) as firsts on firsts.copied = delivered.copied
    where nodes.record <> firsts.record
    """,
    # But namesakes who state different ones are no copies: the more people there are,
    # the more of them are alike by chance in all that is left.
    """
    create or replace temp table comparable as
    select
        features.* replace (
            case when not_emails.record is null then email end as email,
            case when not_emails.record is null then email_box end as email_box,
            case when not_emails.record is null then email_digits end as email_digits,
            case when not_phones.record is null then phone end as phone
        ),
        hash(features.email, features.phone) as stated_contacts
    from features
    left join not_their_own as not_emails
        on not_emails.record = features.record
        and not_emails.identifier_type = 'email'
    left join not_their_own as not_phones
        on not_phones.record = features.record
        and not_phones.identifier_type = 'phone'
    left join copies on copies.record = features.record
    where
        copies.record is null
        or (
            (features.email is null or not_emails.record is not null)
            and (features.phone is null or not_phones.record is not null)
        )
    """,
)


def _expect(
    connection: duckdb.DuckDBPyConnection, name: str, value: object, *, is_whole: bool
) -> None:
    """That something all weights depend on is what it was; the first time, keep it.

    Raises:
        Outgrown: it is not.
    """
    if is_whole:
        connection.execute(
            f"create table identity_state.{name} as select $value as value",
            {"value": repr(value)},
        )
    elif connection.execute(f"from identity_state.{name}").fetchall() != [
        (repr(value),)
    ]:
        raise Outgrown


def _power_of_two(count: float) -> float:
    """The one nearest to a count, by its logarithm."""
    return 2.0 ** round(math.log2(count)) if count else 0


def _sizes(connection: duckdb.DuckDBPyConnection, features: str) -> Sizes:
    """Sizes that are the same on most days."""
    sizes = read_sizes(connection, features)
    return Sizes(
        _power_of_two(sizes.records),
        {name: _power_of_two(count) for name, count in sizes.known.items()},
    )


def _values(attribute: str, features: str, sizes: Sizes, only: str = "") -> str:
    """SQL: the values of an attribute, and how rare they are."""
    return f"""
        select
            {attribute},
            {math.log2(sizes.known[attribute])} - round(log2({holders(attribute)}))
                as rarity
        from {features}
        where {attribute} is not null {only}
        group by {attribute}
        """


def _create(
    connection: duckdb.DuckDBPyConnection, attributes: list[str], sizes: Sizes
) -> None:
    """Write `identity_state.features`, of all records."""
    joins = " ".join(
        f"left join ({_values(each, 'comparable', sizes)}) as {each}_values"
        f" on {each}_values.{each} = current.{each}"
        for each in attributes
    )
    rarities = ", ".join(
        f"{each}_values.rarity as {each}_rarity" for each in attributes
    )
    connection.execute(
        f"create table {FEATURES} as select current.*, {rarities}"
        f" from ({_HASHED}) as current {joins}"
    )


def _update(
    connection: duckdb.DuckDBPyConnection, attributes: list[str], sizes: Sizes
) -> None:
    """Weigh the values of records in `differing`, and note in `paired` who has others.

    Who shares a value that is rarer or less rare than before is noted too.
    """
    for each in attributes:
        only = (
            f"and {each} in (select {each} from former_features union"
            f" select {each} from current_features semi join differing using (record))"
        )
        connection.execute(
            "create or replace temp table touched_values as"
            f" {_values(each, FEATURES, sizes, only)}"
        )
        turned = (
            f"touched_values.{each} = features.{each}"
            f" and features.{each}_rarity is distinct from touched_values.rarity"
        )
        connection.execute(
            f"insert into paired select record from {FEATURES} as features"
            f" inner join touched_values on {turned}"
        )
        connection.execute(
            f"update {FEATURES} as features set {each}_rarity = touched_values.rarity"
            f" from touched_values where {turned}"
        )


_HASHED = """
    select
        hash(*columns(* exclude (record))) as content,
        * exclude (stated_contacts)
    from comparable
    """

# Whose features are new, other or gone, and what they were.
_DIFFERING = (
    f"create or replace temp table current_features as {_HASHED}",
    f"""
    create or replace temp table differing as
    select record
    from (
        select record, content
        from {FEATURES}
        where record in (select record from scope)
    ) as former
    full join current_features as current using (record)
    where former.content is distinct from current.content
    """,
    f"""
    create or replace temp table former_features as
    select *
    from {FEATURES}
    where record in (select record from differing)
    """,
    f"delete from {FEATURES} where record in (select record from differing)",
    f"""
    insert into {FEATURES} by name
    select * from current_features where record in (select record from differing)
    """,
    "create or replace temp table paired as from differing",
)

_EVIDENCE_TEXT = "concat_ws(', ', {})".format(
    ", ".join(f"'{each.name} ' || {each.name}" for each in ATTRIBUTES)
)

# Names and dates that contradict are no doubt.
_ALIKE = f"""
    select left_record, right_record, weight, {_EVIDENCE_TEXT} as evidence
    from scored_pairs
    where
        weight >= {{review_from}}
        and not is_vetoed
    """

_REPLACE = (
    """
    create or replace temp table former_pairs as
    select *
    from identity_state.pairs
    where
        left_record in (select record from paired)
        or right_record in (select record from paired)
    """,
    """
    delete from identity_state.pairs
    where
        left_record in (select record from paired)
        or right_record in (select record from paired)
    """,
    "insert into identity_state.pairs from alike",
)

_MOVED = """
    insert into moved
    select distinct unnest([left_record, right_record])
    from (
        (from former_pairs except from alike)
        union all
        (from alike except from former_pairs)
    )
    where weight >= {link_from}
    """
