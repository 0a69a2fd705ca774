with

receipt_lines as (

    select * from {{ ref("stg_pos__receipts") }}

    where loyalty_card is not null

),

numbered_rows as (

    select
        receipt_lines.*,

        row_number() over (
            partition by loyalty_card
            order by sold_at asc, _file_id asc, _line asc
        ) as sighting

    from receipt_lines

),

cards as (

    -- who holds a card is one person, however often it is shown
    select
        loyalty_card,
        min(sold_at) as first_at,
        max(sold_at) as last_at,
        min(case when sighting = 1 then _file_id end) as _file_id,
        min(case when sighting = 1 then _line end) as _line

    from numbered_rows

    group by
        loyalty_card

),

final as (

    select
        {{ source_record(
            "pos", "receipts",
            record_id=surrogate_key(["loyalty_card"]),
            first_seen_at="first_at",
            last_seen_at="last_at",
            loyalty_card="'loyalty:' || loyalty_card"
        ) }}

    from cards

)

select * from final
