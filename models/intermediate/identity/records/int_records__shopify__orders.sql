with

orders as (

    select * from {{ ref("stg_shopify__orders") }}

    where shopify_order_id is not null

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
        on order_cards.source = 'shopify'
        and order_cards.order_number = orders.order_name

),

records as (

    select
        {{ source_record(
            "shopify", "orders",
            record_id="shopify_order_id",
            first_name=first_of_full_name("billing_name"),
            last_name=last_of_full_name("billing_name"),
            email="email",
            phone="phone",
            city="billing_city",
            country="billing_country",
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
