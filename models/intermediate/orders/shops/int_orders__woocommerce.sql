with

order_rows as (

    select * from {{ ref("stg_woocommerce__orders") }}

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

line_totals as (

    select
        woocommerce_order_id,
        {{ sum_amount("gross_amount - discounted_amount") }} as discount_amount,
        {{ sum_amount("discounted_amount") }} as discounted_amount,
        {{ sum_amount("refund_amount") }} as refund_amount,
        max(case when is_gross_imputed then 1 else 0 end) = 1 as is_discount_imputed

    from order_rows

    group by woocommerce_order_id

),

orders as (

    -- one row per item: an order is its first one
    select
        numbered_rows.*,
        line_totals.discount_amount,
        line_totals.is_discount_imputed,
        case
            -- so the shop calls what was paid back whole, be it in no line's name
            when numbered_rows.status = 'refunded' then line_totals.discounted_amount
            when line_totals.refund_amount > 0 then line_totals.refund_amount
            -- beyond the goods it is shipping and tax
            when numbered_rows.order_refund_amount > line_totals.discounted_amount
                then line_totals.discounted_amount
            else coalesce(numbered_rows.order_refund_amount, line_totals.refund_amount)
        end as known_refund_amount

    from numbered_rows
    inner join line_totals
        on line_totals.woocommerce_order_id = numbered_rows.woocommerce_order_id

    where numbered_rows.row_number_of_order = 1

),

final as (

    select
        -- ids
        concat('woocommerce:', woocommerce_order_id) as order_id,
        'woocommerce' as source,
        'orders' as export,
        woocommerce_order_id as record_id,
        -- the same, unless a plugin counts otherwise
        coalesce(order_number, woocommerce_order_id) as order_number,
        _file_id,
        _line,

        -- strings
        case
            when status in ('refunded', 'cancelled', 'failed') then status
            when status in ('completed', 'processing') and known_refund_amount > 0
                then 'partially_refunded'
            when status = 'completed' then 'fulfilled'
            when status = 'processing' then 'paid'
            -- pending, on hold, a draft, or not known: no revenue yet
            else 'pending'
        end as status,
        currency,
        cast(null as {{ dbt.type_string() }}) as discount_code,

        -- numbers
        discount_amount,
        known_refund_amount as refund_amount,
        cast(
            order_total_amount
            - order_shipping_amount
            - order_tax_amount
            - order_fee_amount
            as decimal(38, 6)
        ) as stated_subtotal_amount,

        -- booleans
        status is null as is_status_imputed,
        is_discount_imputed,
        known_refund_amount is null as is_refund_imputed,

        -- timestamps
        ordered_at

    from orders

)

select * from final
