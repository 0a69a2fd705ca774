"""Uncertain pairs of records, for people to decide about."""

from dataclasses import dataclass

import duckdb

#: What is shown of both sides, beside the level of likeness.
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
    reason: str
    #: By attribute: both values, and how alike they are.
    evidence: dict[str, tuple[str | None, str | None, str | None]]


def create_review_queue(
    connection: duckdb.DuckDBPyConnection, *, link_from: float, review_from: float
) -> None:
    """Write `identity.review_queue`: pairs of two customers who may be one.

    Those that the model is not sure about, and those that share an identifier although
    something about them differs. What people have decided is not asked again.

    Args:
        link_from, review_from: weights of the match model, in bits.
    """
    connection.execute(
        f"""
        create or replace table identity.review_queue as
        with

        apart as (

            select
                scored_pairs.*,
                case
                    when scored_pairs.is_vetoed
                        then 'a shared identifier, and they differ'
                    else 'alike, and not enough'
                end as reason
            from scored_pairs
            inner join components as one on one.node = scored_pairs.left_record
            inner join components as other on other.node = scored_pairs.right_record
            left join decided
                on decided.node = scored_pairs.left_record
                and decided.other_node = scored_pairs.right_record
            where
                one.component <> other.component
                and decided.node is null
                and case
                    when scored_pairs.is_vetoed
                        then scored_pairs.weight >= {link_from}
                            and 'same' in (scored_pairs.email, scored_pairs.phone)
                    else scored_pairs.weight >= {review_from}
                end
            -- of two customers one pair says enough
            qualify
                row_number() over (
                    partition by one.component, other.component
                    order by
                        scored_pairs.weight desc,
                        scored_pairs.left_record,
                        scored_pairs.right_record
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
            apart.reason,
            {", ".join(f"apart.{name} as {name}_level" for name in SHOWN)}
        from apart
        inner join nodes as one on one.node = apart.left_record
        inner join nodes as other on other.node = apart.right_record
        order by apart.weight desc, apart.left_record, apart.right_record
        """
    )


def review_pairs(
    connection: duckdb.DuckDBPyConnection, limit: int
) -> tuple[int, list[ReviewPair]]:
    """How many pairs wait, and the first of them, the most likely first."""
    (waiting,) = connection.execute(
        "select count(*) from identity.review_queue"
    ).fetchone() or (0,)
    values = ",\n".join(
        f"cast(one.{name} as varchar), cast(other.{name} as varchar),"
        f" queue.{name}_level"
        for name in SHOWN
    )
    pairs = []
    for left, right, probability, reason, *evidence in connection.execute(
        f"""
        select
            concat(left_source, '.', left_export, ':', left_record_id),
            concat(right_source, '.', right_export, ':', right_record_id),
            queue.probability,
            queue.reason,
            {values}
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
                reason=reason,
                evidence={
                    name: (one, other, level)
                    for name, one, other, level in zip(
                        SHOWN,
                        evidence[::3],
                        evidence[1::3],
                        evidence[2::3],
                        strict=True,
                    )
                    if one or other
                },
            )
        )
    return int(waiting), pairs
