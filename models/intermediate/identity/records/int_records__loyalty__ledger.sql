with

operations as (

    select * from {{ ref("stg_loyalty__ledger") }}

    where card_number is not null

),

numbered_rows as (

    select
        operations.*,

        row_number() over (
            partition by card_number
            order by happened_at asc, _file_id asc, _line asc
        ) as sighting

    from operations

),

cards as (

    -- who holds a card is one person, however often it is shown
    select
        card_number,
        min(happened_at) as first_at,
        max(happened_at) as last_at,
        min(case when sighting = 1 then _file_id end) as _file_id,
        min(case when sighting = 1 then _line end) as _line

    from numbered_rows

    group by
        card_number

),

final as (

    select
        {{ source_record(
            "loyalty", "ledger",
            record_id=surrogate_key(["card_number"]),
            first_seen_at="first_at",
            last_seen_at="last_at",
            loyalty_card="'loyalty:' || card_number"
        ) }}

    from cards

)

select * from final
