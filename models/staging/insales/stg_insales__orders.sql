with

accepted as (

    {{ accepted_rows("insales", "orders") }}

),

newest_deliveries as (

    select
        order_number,
        max(_delivery) as _delivery

    from accepted

    group by order_number

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
        {{ parse_id("accepted.order_number") }} as order_number,
        {{ parse_id("accepted.customer_id") }} as insales_customer_id,
        {{ parse_id("accepted.variant_id") }} as insales_variant_id,
        {{ parse_text("accepted.sku") }} as sku,
        accepted._file_id,
        accepted._line,

        -- strings
        lower({{ parse_text("accepted.status") }}) as status,
        emails.email,
        phones.phone,
        {{ parse_name("accepted.first_name") }} as first_name,
        {{ parse_name("accepted.last_name") }} as last_name,
        {{ parse_name("accepted.city") }} as city,
        {{ parse_text("accepted.payment_method") }} as payment_method,
        {{ parse_text("accepted.manager") }} as manager,
        {{ parse_text("accepted.product_name") }} as product_name,
        upper({{ parse_text("accepted.discount_code") }}) as discount_code,
        'RUB' as currency,

        -- numbers, of the line
        {{ parse_positive_integer("accepted.quantity") }} as quantity,
        {{ parse_unsigned_spaced_amount("accepted.price") }} as unit_price,

        -- numbers, of the order, on each of its lines
        {{ parse_unsigned_spaced_amount("accepted.discount_total") }}
            as order_discount_amount,
        {{ parse_unsigned_spaced_amount("accepted.delivery_price") }}
            as order_shipping_amount,
        {{ parse_unsigned_spaced_amount("accepted.order_total") }}
            as order_total_amount,

        -- booleans
        {{ parse_is_paid("accepted.payment_status") }} as is_paid,

        -- timestamps
        {{ parse_day_first_local_timestamp("accepted.created_at") }} as ordered_at

    from accepted
    inner join newest_deliveries
        on newest_deliveries.order_number = accepted.order_number
        and newest_deliveries._delivery = accepted._delivery
    left join emails
        on emails.contact_text = accepted.email
    left join phones
        on phones.contact_text = accepted.phone

)

select * from final
