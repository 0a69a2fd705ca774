with

operations as (

    select * from {{ ref("stg_loyalty__ledger") }}

    where
        order_name is not null
        and card_number is not null

),

order_systems as (

    select * from {{ ref("int_id_systems") }}

    where kind = 'order'

),

cards as (

    -- two cards on one order are of two people: neither says who ordered
    select
        order_name,
        min(card_number) as card_number

    from operations

    group by order_name

    having min(card_number) = max(card_number)

),

final as (

    select
        order_systems.source,
        cards.order_name as order_number,
        concat('loyalty:', cards.card_number) as loyalty_card

    from cards
    inner join order_systems
        on order_systems.quoted_id = cards.order_name

)

select * from final
