with

accepted as (

    {{ accepted_rows("pos", "receipts") }}

),

newest_deliveries as (

    select
        shop,
        till,
        receipt_number,
        max(_delivery) as _delivery

    from accepted

    group by shop, till, receipt_number

),

final as (

    select
        -- ids
        {{ surrogate_key(["accepted.shop", "accepted.till", "accepted.receipt_number"]) }}
            as receipt_id,
        {{ parse_id("accepted.receipt_number") }} as receipt_number,
        {{ parse_positive_integer("accepted.line_number") }} as line_number,
        {{ parse_id("accepted.loyalty_card") }} as loyalty_card,
        {{ parse_id("accepted.sku") }} as sku,
        accepted._file_id,
        accepted._line,

        -- strings
        {{ parse_text("accepted.shop") }} as shop,
        {{ parse_text("accepted.till") }} as till,
        {{ parse_text("accepted.product_name") }} as product_name,
        {{ parse_payment_kind("accepted.payment_kind") }} as payment_kind,
        'RUB' as currency,

        -- numbers
        {{ parse_unsigned_spaced_amount("accepted.quantity") }} as quantity,
        {{ parse_unsigned_spaced_amount("accepted.price") }} as unit_price,
        coalesce({{ parse_unsigned_spaced_amount("accepted.discount") }}, 0)
            as discount_amount,
        {{ parse_unsigned_spaced_amount("accepted.total") }} as discounted_amount,

        -- booleans
        {{ parse_boolean("accepted.is_return") }} as is_return,
        {{ parse_unsigned_spaced_amount("accepted.discount") }} is null
            as is_discount_imputed,

        -- timestamps
        {{ parse_day_first_local_timestamp("accepted.sold_at") }} as sold_at

    from accepted
    inner join newest_deliveries
        on newest_deliveries.shop = accepted.shop
        and newest_deliveries.till = accepted.till
        and newest_deliveries.receipt_number = accepted.receipt_number
        and newest_deliveries._delivery = accepted._delivery

)

select * from final
