with

shop_orders as (

    select * from {{ ref("stg_bitrix_shop__orders") }}

),

positions as (

    select * from {{ ref("int_bitrix_shop_lines") }}

),

order_statuses as (

    select * from {{ ref("order_statuses") }}

    where source = 'bitrix_shop'

),

line_totals as (

    select
        order_number,
        {{ sum_amount("gross_amount") }} as gross_amount

    from positions

    group by order_number

),

orders as (

    select
        shop_orders.*,
        line_totals.gross_amount,
        case
            when shop_orders.is_cancelled then 'cancelled'
            -- nobody knows whether it was cancelled
            when shop_orders.is_cancelled is null then 'pending'
            else
                {{ status_of_payment("order_statuses.meaning", "shop_orders.is_paid") }}
        end as common_status

    from shop_orders
    left join line_totals
        on line_totals.order_number = shop_orders.order_number
    left join order_statuses
        on order_statuses.shop_status = shop_orders.status

),

final as (

    select
        -- ids
        concat('bitrix_shop:', order_number) as order_id,
        'bitrix_shop' as source,
        'orders' as export,
        order_number as record_id,
        order_number,
        _file_id,
        _line,

        -- strings
        common_status as status,
        currency,
        cast(null as {{ dbt.type_string() }}) as discount_code,

        -- numbers
        -- neither discount nor delivery is told: a total below the positions is
        -- discounted, one above has the delivery in it
        case
            when order_total_amount < gross_amount
                then cast(gross_amount - order_total_amount as decimal(38, 6))
            else cast(0 as decimal(38, 6))
        end as discount_amount,
        -- the export has no refunds: what came back, came back whole
        case when common_status <> 'refunded' then cast(0 as decimal(38, 6)) end
            as refund_amount,
        cast(null as decimal(38, 6)) as stated_subtotal_amount,

        -- booleans
        (is_paid is null or is_cancelled is null) and common_status = 'pending'
            as is_status_imputed,
        order_total_amount is null as is_discount_imputed,
        common_status = 'refunded' as is_refund_imputed,

        -- timestamps
        ordered_at

    from orders

)

select * from final
