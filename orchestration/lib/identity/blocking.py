"""Which pairs are worth comparing: records that share a key of some rule.

A rule is data. Before any pair is made, one GROUP BY over all keys says how large
every block is and how many pairs a rule would make: blocks that are too large are
dropped, and a rule that still makes too many pairs is skipped. No rule is one name
alone.
"""

from dataclasses import dataclass

import duckdb


@dataclass(frozen=True)
class Rule:
    """Records with equal values of all expressions over `features` are compared."""

    name: str
    expressions: tuple[str, ...]


_NAME_PAIR = ("least(first_name, last_name)", "greatest(first_name, last_name)")
_INITIAL = "left(first_name, 1)"
_LAST_INITIAL = "left(last_name, 1)"
_YEAR = "left(birth_date, 4)"
_DAY = "nullif(right(birth_date, 4), '0000')"

RULES = (
    Rule("e-mail", ("email",)),
    Rule("phone", ("phone",)),
    Rule("mailbox", ("case when instr(email, '@') > 5 then email_box end",)),
    Rule("start of e-mail, initial", ("left(email, 6)", _INITIAL)),
    Rule("names", _NAME_PAIR),
    Rule("names without vowels", ("first_sound", "last_sound")),
    Rule("last name, initial", ("last_name", _INITIAL)),
    Rule("last name, middle name", ("last_name", "middle_name")),
    Rule("first name, middle name", ("first_name", "middle_name")),
    Rule("birth date", ("birth_date",)),
    Rule("birth date, last name", ("birth_date", "last_sound")),
    Rule("birth date, first name", ("birth_date", "first_sound")),
    Rule("birth date, initial, city", ("birth_date", _INITIAL, "city")),
    Rule("birth date, postcode", ("birth_date", "postcode")),
    Rule("birth date, occupation", ("birth_date", "occupation", _LAST_INITIAL)),
    Rule("birth day, last name", (_DAY, "last_sound")),
    Rule("birth day, first name", (_DAY, "first_name", _LAST_INITIAL)),
    Rule("birth day, postcode", (_DAY, "postcode")),
    Rule("birth year, names", (_YEAR, "left(last_name, 3)", _INITIAL)),
    Rule("birth year, first name", (_YEAR, "first_name", _LAST_INITIAL)),
    Rule("birth year, postcode", (_YEAR, "postcode")),
    Rule("birth year, address", (_YEAR, "address")),
    Rule("birth year, city, initials", (_YEAR, "city", _INITIAL, _LAST_INITIAL)),
    Rule("postcode", ("postcode",)),
    Rule("postcode, last name", ("postcode", "last_sound")),
    Rule("postcode, first name", ("postcode", "first_sound")),
    Rule("postcode, house", ("postcode", "house")),
    Rule("postcode area, house, initial", ("postcode_area", "house", _INITIAL)),
    Rule("address", ("address",)),
    Rule("address, first name", ("address", "first_name")),
    Rule("street, initials", ("street", _INITIAL, _LAST_INITIAL)),
    Rule("city, last name", ("city", "last_sound")),
    Rule("city, first name", ("city", "first_name", _LAST_INITIAL)),
    Rule("city, house, initial", ("city", "house", _INITIAL)),
    Rule("city, occupation, initials", ("city", "occupation", _INITIAL, _LAST_INITIAL)),
    Rule("occupation, last name", ("occupation", "last_sound")),
)

#: What the daily run needs beside the links of its identifiers: its model links nothing
#: that only the broader rules find.
DAILY_RULES = tuple(
    rule
    for rule in RULES
    if rule.name
    in (
        "e-mail",
        "phone",
        "birth date, last name",
        "birth date, first name",
    )
)


@dataclass(frozen=True)
class Gate:
    """What blocking may cost."""

    #: Records in one block; a larger one is dropped.
    largest_block: int = 200
    #: Pairs of one rule, per record of the relation; a rule with more is skipped.
    pairs_per_record: float = 15.0


@dataclass(frozen=True)
class RuleReport:
    """What became of one rule."""

    name: str
    #: Pairs of the blocks that passed, before pairs of several rules are joined.
    pairs: int
    #: Records in the largest block, dropped or not.
    largest_block: int
    dropped_blocks: int
    is_skipped: bool


@dataclass(frozen=True)
class Changes:
    """Which features are others than when the candidates were made before."""

    #: Relation with `record`: whose row is new, other or gone.
    records: str
    #: Relation of their rows as they were.
    former: str
    #: Table with `record`: of whom pairs are made. Who has other pairs because of
    #: `records` is added to it.
    paired: str


def create_candidates(
    connection: duckdb.DuckDBPyConnection,
    *,
    features: str = "features",
    content: str = "hash(*columns(* exclude (record)))",
    changes: Changes | None = None,
    links: str | None = None,
    rules: tuple[Rule, ...] = RULES,
    gate: Gate | None = None,
) -> list[RuleReport]:
    """Write the temporary table `candidates (left_record, right_record)`, distinct.

    `left_record` is the smaller one. Copies of a record are compared with the first of
    them, however many there are.

    Args:
        features: relation as `create_features` writes it.
        content: SQL of a digest of all of a row but `record`.
        changes: only pairs of records that have others than before. The gate looks
            at all records either way, so that the pairs are the same.
        links: relation with `left_record, right_record`: pairs to compare in any case.
    """
    gate = gate or Gate()
    connection.execute(
        f"create or replace temp table block_keys as {_keys(rules, features)}"
    )
    connection.execute(
        """
        create or replace temp table blocks as
        select rule, key, count(*) as records
        from block_keys
        group by rule, key
        having count(*) > 1
        """
    )
    reports = _reports(connection, features, rules, gate)
    numbers = [n for n, report in enumerate(reports) if not report.is_skipped]
    of_changed = copied_by_changed = touches_changed = ""
    if changes is not None:
        _add_whose_pairs_change(connection, features, content, changes, rules, gate)
        records = f"(select record from {changes.paired})"
        of_changed = (
            "and (block_keys.rule, block_keys.key) in"
            f" (select (rule, key) from block_keys where record in {records})"
        )
        copied_by_changed = (
            f"and {content} in (select {content} from {features}"
            f" where record in {records})"
        )
        touches_changed = f"and (left_record in {records} or right_record in {records})"
    linked = f"union select left_record, right_record from {links}" if links else ""
    connection.execute(
        f"""
        create or replace temp table candidates as
        with

        passed as (

            select block_keys.*
            from block_keys
            inner join blocks
                on blocks.rule = block_keys.rule
                and blocks.key = block_keys.key
            where
                blocks.records <= {gate.largest_block}
                and block_keys.rule in ({", ".join(map(str, numbers)) or "-1"})
                {of_changed}

        ),

        copies as (

            select
                min(record) over (partition by {content}) as left_record,
                record as right_record
            from {features}
            where {_HAS_A_NAME} {copied_by_changed}

        ),

        found as (

            select
                left_keys.record as left_record,
                right_keys.record as right_record
            from passed as left_keys
            inner join passed as right_keys
                on right_keys.rule = left_keys.rule
                and right_keys.key = left_keys.key
                and right_keys.record > left_keys.record
            union all
            select left_record, right_record from copies
            {linked}

        )

        select distinct left_record, right_record
        from found
        where left_record < right_record {touches_changed}
        """
    )
    return reports


_HAS_A_NAME = "(first_name is not null or last_name is not null)"


def _keys(rules: tuple[Rule, ...], features: str) -> str:
    """SQL: `rule, key, record`, the blocks of every row of `features`."""
    return "\nunion all\n".join(
        f"select {number} as rule, hash({', '.join(rule.expressions)}) as key, record"
        f" from {features} where "
        + " and ".join(f"{expression} is not null" for expression in rule.expressions)
        for number, rule in enumerate(rules)
    )


def _add_whose_pairs_change(
    connection: duckdb.DuckDBPyConnection,
    features: str,
    content: str,
    changes: Changes,
    rules: tuple[Rule, ...],
    gate: Gate,
) -> None:
    """Add records of blocks that became too large or small enough, and copies.

    Copies are compared with the first of them: where another is the first now.
    """
    connection.execute(
        f"""
        create or replace temp table turned_blocks as
        with

        moves as (

            select rule, key, 1 as more from block_keys semi join {changes.records}
                using (record)
            union all
            select rule, key, -1 from ({_keys(rules, changes.former)})

        ),

        grown as (

            select rule, key, sum(more) as more
            from moves
            group by rule, key
            having sum(more) <> 0

        )

        select rule, key
        from grown
        left join blocks using (rule, key)
        -- one record alone is no block
        where
            (coalesce(blocks.records, 1) > {gate.largest_block})
            <> (coalesce(blocks.records, 1) - grown.more > {gate.largest_block})
        """
    )
    connection.execute(
        f"""
        create or replace temp table turned_copies as
        with

        touched as (

            select {content} as content from {features}
            where record in (select record from {changes.records}) and {_HAS_A_NAME}
            union
            select {content} from {changes.former} where {_HAS_A_NAME}

        ),

        copies as (

            select record, {content} as content, true as is_now
            from {features}
            where {content} in (select content from touched)
            union all
            select record, {content}, false
            from {changes.former}
            where {content} in (select content from touched)

        ),

        firsts as (

            select
                content,
                min(record) filter (is_now) as first_now,
                min(record) filter (
                    not is_now
                    or record not in (select record from {changes.records})
                ) as first_before
            from copies
            group by content

        )

        select copies.record
        from copies
        inner join firsts using (content)
        where is_now and first_now is distinct from first_before
        """
    )
    connection.execute(
        f"""
        insert into {changes.paired}
        select record from block_keys semi join turned_blocks using (rule, key)
        union
        select record from turned_copies
        """
    )


def _reports(
    connection: duckdb.DuckDBPyConnection,
    features: str,
    rules: tuple[Rule, ...],
    gate: Gate,
) -> list[RuleReport]:
    counted = {
        row[0]: row[1:]
        for row in connection.execute(
            f"""
            select
                rule,
                coalesce(
                    sum(records * (records - 1) // 2)
                        filter (records <= {gate.largest_block}),
                    0
                )::bigint,
                max(records),
                count(*) filter (records > {gate.largest_block})
            from blocks
            group by rule
            """
        ).fetchall()
    }
    row = connection.execute(f"select count(*) from {features}").fetchone()
    most_pairs = gate.pairs_per_record * (row[0] if row else 0)
    reports = []
    for number, rule in enumerate(rules):
        pairs, largest, dropped = counted.get(number, (0, 1, 0))
        reports.append(
            RuleReport(rule.name, pairs, largest, dropped, pairs > most_pairs)
        )
    return reports
