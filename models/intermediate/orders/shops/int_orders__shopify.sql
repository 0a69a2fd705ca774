with

order_rows as (

    select * from {{ ref("stg_shopify__orders") }}

    where shopify_order_id is not null

),

final as (

    select
        -- ids
        concat('shopify:', shopify_order_id) as order_id,
        'shopify' as source,
        'orders' as export,
        shopify_order_id as record_id,
        order_name as order_number,
        _file_id,
        _line,

        -- strings
        case
            when financial_status in ('refunded', 'partially_refunded')
                then financial_status
            when cancelled_at is not null or financial_status = 'voided'
                then 'cancelled'
            when financial_status = 'expired' then 'failed'
            when financial_status = 'paid' and fulfillment_status = 'fulfilled'
                then 'fulfilled'
            when financial_status = 'paid' then 'paid'
            -- authorized, partially paid, or not known: no revenue yet
            else 'pending'
        end as status,
        currency,
        discount_code,

        -- numbers
        order_discount_amount as discount_amount,
        order_refund_amount as refund_amount,
        order_subtotal_amount as stated_subtotal_amount,

        -- booleans
        financial_status is null and cancelled_at is null as is_status_imputed,
        order_discount_amount is null as is_discount_imputed,
        order_refund_amount is null as is_refund_imputed,

        -- timestamps
        ordered_at

    from order_rows

)

select * from final
