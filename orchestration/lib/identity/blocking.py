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
    Rule("mailbox", ("case when length(email_box) > 4 then email_box end",)),
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


def create_candidates(
    connection: duckdb.DuckDBPyConnection,
    *,
    changed: str | None = None,
    links: str | None = None,
    rules: tuple[Rule, ...] = RULES,
    gate: Gate | None = None,
) -> list[RuleReport]:
    """Write the temporary table `candidates (left_record, right_record)`, distinct.

    Reads the temporary table `features`. `left_record` is the smaller one. Copies of a
    record are compared with the first of them, however many there are.

    Args:
        changed: relation with `record`: only pairs with at least one of them. The gate
            looks at all records either way, so that the pairs are the same ones.
        links: relation with `left_record, right_record`: pairs to compare in any case.
    """
    gate = gate or Gate()
    keys = "\nunion all\n".join(
        f"select {number} as rule, hash({', '.join(rule.expressions)}) as key, record"
        " from features where "
        + " and ".join(f"{expression} is not null" for expression in rule.expressions)
        for number, rule in enumerate(rules)
    )
    connection.execute(f"create or replace temp table block_keys as {keys}")
    connection.execute(
        """
        create or replace temp table blocks as
        select rule, key, count(*) as records
        from block_keys
        group by rule, key
        having count(*) > 1
        """
    )
    reports = _reports(connection, rules, gate)
    numbers = [n for n, report in enumerate(reports) if not report.is_skipped]
    of_changed = touches_changed = ""
    if changed is not None:
        records = f"(select record from {changed})"
        of_changed = (
            "and (block_keys.rule, block_keys.key) in"
            f" (select (rule, key) from block_keys where record in {records})"
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
                min(record) over (partition by content) as left_record,
                record as right_record
            from (
                select
                    record,
                    hash(*columns(* exclude (record, first_record))) as content
                from features
                where first_name is not null or last_name is not null
            )

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


def _reports(
    connection: duckdb.DuckDBPyConnection,
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
    row = connection.execute("select count(*) from features").fetchone()
    most_pairs = gate.pairs_per_record * (row[0] if row else 0)
    reports = []
    for number, rule in enumerate(rules):
        pairs, largest, dropped = counted.get(number, (0, 1, 0))
        reports.append(
            RuleReport(rule.name, pairs, largest, dropped, pairs > most_pairs)
        )
    return reports
