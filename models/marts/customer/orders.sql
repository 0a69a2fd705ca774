with

orders as (

    select * from {{ ref("int_orders") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

final as (

    select
        -- ids
        orders.order_id,
        orders.source,
        coalesce(customer_ids.customer_id, 'unassigned') as customer_id,
        orders.order_number,
        orders._file_id,
        orders._line,

        -- strings
        orders.status,
        orders.currency,
        orders.discount_code,

        -- numbers
        orders.line_count,
        orders.piece_count,
        {{ money("orders.gross_amount") }} as gross_amount,
        {{ money("orders.discount_amount") }} as discount_amount,
        {{ money("orders.refund_amount") }} as refund_amount,
        {{ money("orders.net_amount") }} as net_amount,
        {{ money("orders.net_amount_base") }} as net_amount_base,
        orders.fx_rate,

        -- booleans
        orders.is_paid,
        orders.is_status_imputed,
        orders.is_discount_imputed,
        orders.is_refund_imputed,

        -- dates and timestamps
        orders.ordered_on,
        orders.fx_rate_on,
        orders.ordered_at

    from orders
    left join customer_ids
        on customer_ids.source = orders.source
        and customer_ids.export = orders.export
        and customer_ids.record_id = orders.record_id

)

select * from final
