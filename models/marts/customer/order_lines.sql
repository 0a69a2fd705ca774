with

order_lines as (

    select * from {{ ref("int_order_lines") }}

),

orders as (

    select * from {{ ref("orders") }}

),

final as (

    select
        -- ids
        order_lines.order_line_id,
        order_lines.order_id,
        orders.customer_id,
        order_lines.sku,
        order_lines._file_id,
        order_lines._line,

        -- strings
        order_lines.product_name,
        orders.currency,

        -- numbers
        order_lines.quantity,
        cast(order_lines.unit_price as decimal(18, 6)) as unit_price,
        {{ money("order_lines.gross_amount") }} as gross_amount,

        -- dates
        orders.ordered_on

    from order_lines
    inner join orders
        on orders.order_id = order_lines.order_id

)

select * from final
