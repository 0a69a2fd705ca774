with

accepted as (

    {{ accepted_rows("shopify", "abandoned_checkouts") }}

),

numbered as (

    -- some exports repeat the checkout's id on every row, some only on the first
    select
        accepted.*,

        {{ fill_down("accepted.id", "accepted._file_id", "accepted._line") }}
            as checkout

    from accepted

),

newest_deliveries as (

    select
        checkout,
        max(_delivery) as _delivery

    from numbered

    group by checkout

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
        {{ parse_id("numbered.checkout") }} as checkout_id,
        {{ parse_text("numbered.lineitem_sku") }} as sku,
        numbered._file_id,
        numbered._line,

        -- strings
        emails.email,
        coalesce(phones.phone, billing_phones.phone, shipping_phones.phone) as phone,
        {{ parse_name("numbered.billing_name") }} as billing_name,
        {{ parse_name("numbered.billing_city") }} as billing_city,
        {{ parse_text("numbered.billing_country") }} as billing_country,
        {{ parse_currency("numbered.currency") }} as currency,
        {{ parse_text("numbered.discount_code") }} as discount_code,
        {{ parse_text("numbered.lineitem_name") }} as product_name,

        -- numbers
        {{ parse_positive_integer("numbered.lineitem_quantity") }} as quantity,
        {{ parse_unsigned_amount("numbered.lineitem_price") }} as unit_price,
        {{ parse_unsigned_amount("numbered.discount_amount") }}
            as checkout_discount_amount,
        {{ parse_unsigned_amount("numbered.total") }} as checkout_total_amount,

        -- booleans
        numbered.total is not null as is_first_line,
        {{ parse_is_recovered("numbered.recovery") }} as is_recovered,

        -- timestamps
        {{ parse_offset_timestamp("numbered.created_at") }} as abandoned_at

    from numbered
    inner join newest_deliveries
        on newest_deliveries.checkout = numbered.checkout
        and newest_deliveries._delivery = numbered._delivery
    left join emails
        on emails.contact_text = numbered.email
    left join phones
        on phones.contact_text = numbered.phone
    left join phones as billing_phones
        on billing_phones.contact_text = numbered.billing_phone
    left join phones as shipping_phones
        on shipping_phones.contact_text = numbered.shipping_phone

)

select * from final
