with

accepted as (

    {{ accepted_rows("woocommerce", "orders") }}

),

newest_deliveries as (

    select
        order_id,
        max(_delivery) as _delivery

    from accepted

    group by order_id

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
        {{ parse_id("accepted.order_id") }} as woocommerce_order_id,
        nullif({{ parse_id("accepted.customer_id") }}, '0') as woocommerce_customer_id,
        {{ parse_text("accepted.item_sku") }} as sku,
        accepted._file_id,
        accepted._line,

        -- strings
        {{ parse_text("accepted.order_number") }} as order_number,
        {{ parse_woocommerce_status("accepted.status") }} as status,
        emails.email,
        phones.phone,
        {{ parse_name("accepted.billing_first_name") }} as first_name,
        {{ parse_name("accepted.billing_last_name") }} as last_name,
        {{ parse_name("accepted.billing_city") }} as city,
        {{ parse_text("accepted.billing_country") }} as country,
        {{ parse_text("accepted.payment_method") }} as payment_method,
        {{ parse_currency("accepted.order_currency") }} as currency,
        {{ parse_text("accepted.item_name") }} as product_name,

        -- numbers, of the line
        {{ parse_positive_integer("accepted.item_quantity") }} as quantity,
        coalesce(
            {{ parse_unsigned_amount("accepted.item_subtotal") }},
            {{ parse_unsigned_amount("accepted.item_total") }}
        ) as gross_amount,
        {{ parse_unsigned_amount("accepted.item_total") }} as discounted_amount,
        {{ parse_unsigned_amount("accepted.item_refunded") }} as refund_amount,

        -- numbers, of the order, on each of its lines
        {{ parse_unsigned_amount("accepted.discount_total") }} as order_discount_amount,
        {{ parse_unsigned_amount("accepted.shipping_total") }} as order_shipping_amount,
        {{ parse_unsigned_amount("accepted.tax_total") }} as order_tax_amount,
        coalesce({{ parse_amount("accepted.fee_total") }}, 0) as order_fee_amount,
        {{ parse_unsigned_amount("accepted.refunded_total") }} as order_refund_amount,
        {{ parse_unsigned_amount("accepted.order_total") }} as order_total_amount,

        -- booleans
        {{ parse_unsigned_amount("accepted.item_subtotal") }} is null as is_gross_imputed,

        -- timestamps
        {{ parse_local_timestamp("accepted.date") }} as ordered_at

    from accepted
    inner join newest_deliveries
        on newest_deliveries.order_id = accepted.order_id
        and newest_deliveries._delivery = accepted._delivery
    left join emails
        on emails.contact_text = accepted.billing_email
    left join phones
        on phones.contact_text = accepted.billing_phone

)

select * from final
