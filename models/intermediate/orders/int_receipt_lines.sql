{#- Within a minute goods come back before others are sold. -#}
{% set in_time = "sold_at, case when is_return then 0 else 1 end, _file_id, _line" -%}

with

receipt_lines as (

    select * from {{ ref("stg_pos__receipts") }}

    where {{ until_as_of("sold_at") }}

),

matched as (

    select
        receipt_lines.*,
        {{ fill_down(
            "case when not is_return then receipt_id end", "loyalty_card, sku", in_time
        ) }} as receipt_with_card,
        {{ fill_down(
            "case when not is_return and loyalty_card is null then receipt_id end",
            "shop, sku", in_time
        ) }} as receipt_without_card

    from receipt_lines

),

final as (

    select
        -- ids
        receipt_id,
        case
            when is_return and loyalty_card is null then receipt_without_card
            when is_return then coalesce(receipt_with_card, receipt_without_card)
        end as refunded_receipt_id,
        receipt_number,
        loyalty_card,
        sku,
        _file_id,
        _line,

        -- strings
        product_name,
        currency,

        -- numbers
        quantity,
        unit_price,
        -- tills charge whole kopecks, also for a part of a metre
        cast(round(quantity * unit_price, 2) as decimal(38, 6)) as gross_amount,
        discount_amount,
        discounted_amount,

        -- booleans
        is_return,
        is_discount_imputed,

        -- timestamps
        sold_at

    from matched

)

select * from final
