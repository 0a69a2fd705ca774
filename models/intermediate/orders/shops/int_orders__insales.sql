with

order_rows as (

    select * from {{ ref("stg_insales__orders") }}

),

order_statuses as (

    select * from {{ ref("order_statuses") }}

    where source = 'insales'

),

numbered_rows as (

    select
        order_rows.*,

        row_number() over (
            partition by order_number
            order by _file_id asc, _line asc
        ) as row_number_of_order

    from order_rows

),

orders as (

    -- one row per item: an order is its first one
    select
        numbered_rows.*,
        {{ status_of_payment("order_statuses.meaning", "numbered_rows.is_paid") }}
            as common_status

    from numbered_rows
    left join order_statuses
        on order_statuses.shop_status = numbered_rows.status

    where numbered_rows.row_number_of_order = 1

),

final as (

    select
        -- ids
        concat('insales:', order_number) as order_id,
        'insales' as source,
        'orders' as export,
        order_number as record_id,
        order_number,
        _file_id,
        _line,

        -- strings
        common_status as status,
        currency,
        discount_code,

        -- numbers
        order_discount_amount as discount_amount,
        -- the export has no refunds: what came back, came back whole
        case when common_status <> 'refunded' then cast(0 as decimal(38, 6)) end
            as refund_amount,
        cast(order_total_amount - order_shipping_amount as decimal(38, 6))
            as stated_subtotal_amount,

        -- booleans
        is_paid is null and common_status = 'pending' as is_status_imputed,
        order_discount_amount is null as is_discount_imputed,
        common_status = 'refunded' as is_refund_imputed,

        -- timestamps
        ordered_at

    from orders

)

select * from final
