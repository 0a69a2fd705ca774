"""Uncertain pairs of records, for people to decide about."""

from dataclasses import dataclass

import duckdb

from orchestration.lib.identity.keys import record_hash
from orchestration.lib.identity.scope import DECIDED

#: What is shown of both sides.
SHOWN = (
    "first_name",
    "last_name",
    "birth_date",
    "email",
    "phone",
    "city",
)


@dataclass(frozen=True)
class ReviewPair:
    """Two records that may be one person."""

    left: str
    right: str
    #: That they are one person, by the match model.
    probability: float
    #: How alike they are, attribute by attribute.
    likeness: str
    #: By attribute: both values.
    values: dict[str, tuple[str | None, str | None]]


def create_review_queue(
    connection: duckdb.DuckDBPyConnection, *, link_from: float
) -> None:
    """Write `identity.review_queue`: pairs of two customers who may be one.

    Of all records, not of a scope: it is short. What people have decided is not asked
    again.

    Args:
        link_from: a pair of this weight or more is linked, unless that contradicts
            stronger evidence.
    """
    connection.execute(
        f"""
        create or replace table identity.review_queue as
        with

        unlinked as (

            select *
            from identity_state.pairs
            where weight < {link_from}
            union all
            select
                {record_hash("left_")},
                {record_hash("right_")},
                weight,
                evidence
            from identity.likely_pairs
            where not is_joining

        ),

        owners as (

            select {record_hash()} as record, *
            from identity.customer_ids
            where record in (
                select unnest([left_record, right_record]) from unlinked
            )

        ),

        -- Made before it is filtered: all that differ are not to be paired.
        placed as materialized (

            select
                unlinked.*,
                one.source as left_source,
                one.export as left_export,
                one.record_id as left_record_id,
                other.source as right_source,
                other.export as right_export,
                other.record_id as right_record_id,
                least(one.customer_id, other.customer_id) as customer_id,
                greatest(one.customer_id, other.customer_id) as other_customer_id
            from unlinked
            inner join owners as one on one.record = unlinked.left_record
            inner join owners as other on other.record = unlinked.right_record

        ),

        apart as (

            select *
            from placed
            anti join (
                select
                    unnest([left_record, right_record]) as left_record,
                    unnest([right_record, left_record]) as right_record
                from ({DECIDED})
            ) as decided using (left_record, right_record)
            where customer_id <> other_customer_id
            -- of two customers one pair says enough
            qualify
                row_number() over (
                    partition by customer_id, other_customer_id
                    order by weight desc, left_record, right_record
                ) = 1

        )

        select
            left_source,
            left_export,
            left_record_id,
            right_source,
            right_export,
            right_record_id,
            weight,
            1 / (1 + power(2, -weight)) as probability,
            evidence
        from apart
        order by weight desc, left_record, right_record
        """
    )


def review_pairs(
    connection: duckdb.DuckDBPyConnection, limit: int
) -> tuple[int, list[ReviewPair]]:
    """How many pairs wait, and the first of them, the most likely first."""
    (waiting,) = connection.execute(
        "select count(*) from identity.review_queue"
    ).fetchone() or (0,)
    shown = ",\n".join(
        f"cast(one.{name} as varchar), cast(other.{name} as varchar)" for name in SHOWN
    )
    pairs = []
    for left, right, probability, likeness, *values in connection.execute(
        f"""
        select
            concat(left_source, '.', left_export, ':', left_record_id),
            concat(right_source, '.', right_export, ':', right_record_id),
            queue.probability,
            queue.evidence,
            {shown}
        from identity.review_queue as queue
        inner join intermediate.int_source_records as one
            on one.source = queue.left_source
            and one.export = queue.left_export
            and one.record_id = queue.left_record_id
        inner join intermediate.int_source_records as other
            on other.source = queue.right_source
            and other.export = queue.right_export
            and other.record_id = queue.right_record_id
        order by
            queue.weight desc, left_source, left_export, left_record_id,
            right_source, right_export, right_record_id
        limit {limit}
        """
    ).fetchall():
        pairs.append(
            ReviewPair(
                left=left,
                right=right,
                probability=probability,
                likeness=likeness,
                values={
                    name: (one, other)
                    for name, one, other in zip(
                        SHOWN, values[::2], values[1::2], strict=True
                    )
                    if one or other
                },
            )
        )
    return int(waiting), pairs
