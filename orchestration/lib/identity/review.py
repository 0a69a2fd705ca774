"""Uncertain pairs of records, for people to decide about."""

from dataclasses import dataclass

import duckdb

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


def create_review_queue(connection: duckdb.DuckDBPyConnection) -> None:
    """Write `identity.review_queue`: pairs of two customers who may be one.

    What people have decided is not asked again.
    """
    connection.execute(
        """
        create or replace table identity.review_queue as
        with

        -- Made before it is filtered: all that differ are not to be paired.
        placed as materialized (

            select
                doubtful_pairs.*,
                least(one.component, other.component) as component,
                greatest(one.component, other.component) as other_component
            from doubtful_pairs
            inner join components as one on one.node = doubtful_pairs.node
            inner join components as other on other.node = doubtful_pairs.other_node
            anti join decided
                on decided.node = doubtful_pairs.node
                and decided.other_node = doubtful_pairs.other_node

        ),

        apart as (

            select *
            from placed
            where component <> other_component
            -- of two customers one pair says enough
            qualify
                row_number() over (
                    partition by component, other_component
                    order by weight desc, node, other_node
                ) = 1

        )

        select
            one.source as left_source,
            one.export as left_export,
            one.record_id as left_record_id,
            other.source as right_source,
            other.export as right_export,
            other.record_id as right_record_id,
            apart.weight,
            1 / (1 + power(2, -apart.weight)) as probability,
            apart.evidence
        from apart
        inner join nodes as one on one.node = apart.node
        inner join nodes as other on other.node = apart.other_node
        order by apart.weight desc, apart.node, apart.other_node
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
