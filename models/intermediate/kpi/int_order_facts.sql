with

orders as (

    select * from {{ ref("int_customer_orders") }}

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

customers as (

    select * from {{ ref("int_customer_attributes") }}

),

touched_orders as (

    select order_id

    from {{ ref("int_touch_credits") }}

    where touch_number = 1

),

final as (

    -- orders that belong to nobody count in all totals, but their buyer is unknown
    select
        -- ids
        orders.order_id,
        orders.source,
        orders.customer_id,
        orders._file_id,
        orders._line,

        -- strings
        orders.status,
        orders.currency,
        coalesce(orders.discount_code, 'none') as offer,
        case
            when orders.customer_id is null then 'unassigned'
            else coalesce(customers.country, 'unknown')
        end as country,
        case
            when orders.customer_id is null then 'unassigned'
            else coalesce(buyers.first_channel, 'unknown')
        end as first_channel,

        -- numbers
        orders.paid_order_number,
        orders.gross_amount_base,
        orders.net_amount_base,
        orders.margin_amount_base,

        -- booleans
        orders.is_paid,
        orders.is_paid and orders.customer_id is not null as has_buyer,
        touched_orders.order_id is not null as is_attributed,

        -- dates
        orders.ordered_on,
        orders.previous_ordered_on,
        orders.previous_ordered_on_in_source,
        orders.previous_ordered_on_with_code

    from orders
    left join buyers
        on buyers.customer_id = orders.customer_id
    left join customers
        on customers.customer_id = orders.customer_id
    left join touched_orders
        on touched_orders.order_id = orders.order_id

)

select * from final
