with

orders as (

    select * from {{ ref("stg_bitrix_shop__orders") }}

),

order_cards as (

    select * from {{ ref("int_order_cards") }}

),

carded_orders as (

    select
        orders.*,
        order_cards.loyalty_card

    from orders
    left join order_cards
        on order_cards.source = 'bitrix_shop'
        and order_cards.order_number = orders.order_number

),

records as (

    select
        {{ source_record(
            "bitrix_shop", "orders",
            record_id="order_number",
            first_seen_at="ordered_at",
            last_seen_at="ordered_at",
            loyalty_card="loyalty_card"
        ) }}

    from carded_orders

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
