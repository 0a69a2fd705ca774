with

accepted as (

    {{ accepted_rows("shopify", "orders") }}

),

named as (

    -- some exports repeat the order's name on every row, some only on the first
    select
        accepted.*,

        {{ fill_down("accepted.name", "accepted._file_id", "accepted._line") }}
            as order_name

    from accepted

),

newest_deliveries as (

    select
        order_name,
        max(_delivery) as _delivery

    from named

    group by order_name

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        named.order_name,
        {{ parse_id("named.id") }} as shopify_order_id,
        {{ parse_text("named.lineitem_sku") }} as sku,
        named._file_id,
        named._line,

        -- strings
        emails.email,
        coalesce(phones.phone, billing_phones.phone, shipping_phones.phone) as phone,
        {{ parse_name("named.billing_name") }} as billing_name,
        {{ parse_name("named.billing_city") }} as billing_city,
        {{ parse_text("named.billing_country") }} as billing_country,
        {{ parse_financial_status("named.financial_status") }} as financial_status,
        lower({{ parse_text("named.fulfillment_status") }}) as fulfillment_status,
        {{ parse_currency("named.currency") }} as currency,
        {{ parse_text("named.lineitem_name") }} as product_name,
        upper({{ parse_text("named.discount_code") }}) as discount_code,

        -- numbers
        {{ parse_positive_integer("named.lineitem_quantity") }} as quantity,
        {{ parse_unsigned_amount("named.lineitem_price") }} as unit_price,
        {{ parse_unsigned_amount("named.discount_amount") }} as order_discount_amount,
        {{ parse_unsigned_amount("named.refunded_amount") }} as order_refund_amount,
        {{ parse_unsigned_amount("named.subtotal") }} as order_subtotal_amount,

        -- booleans
        {{ parse_boolean("named.accepts_marketing") }} as accepts_marketing,

        -- timestamps
        {{ parse_offset_timestamp("named.created_at") }} as ordered_at,
        {{ parse_offset_timestamp("named.cancelled_at") }} as cancelled_at

    from named
    inner join newest_deliveries
        on newest_deliveries.order_name = named.order_name
        and newest_deliveries._delivery = named._delivery
    left join emails
        on emails.contact_text = named.email
    left join phones
        on phones.contact_text = named.phone
    left join phones as billing_phones
        on billing_phones.contact_text = named.billing_phone
    left join phones as shipping_phones
        on shipping_phones.contact_text = named.shipping_phone

)

select * from final
