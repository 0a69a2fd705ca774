-- The shop states the subtotal of an order itself: where it is another one than lines
-- less discount, lines are missing or amounts are in another unit. It warns, since a
-- shop may have counted otherwise.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "int_orders"}}}) }}

with

orders as (

    select * from {{ ref("int_orders") }}

),

shop_rows as (

    select * from {{ ref("stg_shopify__orders") }}

    where order_subtotal_amount is not null

),

final as (

    select
        orders.order_id,
        shop_rows.order_subtotal_amount,
        orders.gross_amount - orders.discount_amount as lines_less_discount

    from shop_rows
    inner join orders
        on orders._file_id = shop_rows._file_id
        and orders._line = shop_rows._line

    where
        abs(
            orders.gross_amount - orders.discount_amount
            - shop_rows.order_subtotal_amount
        ) > 0.01

)

select * from final
