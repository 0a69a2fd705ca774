with

order_rows as (

    select * from {{ ref("stg_woocommerce__orders") }}

),

order_cards as (

    select * from {{ ref("int_order_cards") }}

),

numbered_rows as (

    select
        order_rows.*,

        row_number() over (
            partition by woocommerce_order_id
            order by _file_id asc, _line asc
        ) as row_number_of_order

    from order_rows

),

orders as (

    -- one row per item: an order is its first one
    select
        numbered_rows.*,
        order_cards.loyalty_card

    from numbered_rows
    left join order_cards
        on order_cards.source = 'woocommerce'
        and order_cards.order_number = numbered_rows.order_number

    where numbered_rows.row_number_of_order = 1

),

records as (

    select
        {{ source_record(
            "woocommerce", "orders",
            record_id="woocommerce_order_id",
            first_name="first_name",
            last_name="last_name",
            email="email",
            phone="phone",
            city="city",
            country="country",
            first_seen_at="ordered_at",
            last_seen_at="ordered_at",
            loyalty_card="loyalty_card",
            shop_customer_id="'woocommerce:' || woocommerce_customer_id"
        ) }}

    from orders

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
