with

latest as (

    {{ latest_rows("shopify", "customers", ["customer_id"], deletions=true) }}

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
        {{ parse_id("latest.customer_id") }} as shopify_customer_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.first_name") }} as first_name,
        {{ parse_name("latest.last_name") }} as last_name,
        emails.email,
        phones.phone,
        address_phones.phone as address_phone,
        {{ parse_name("latest.default_address_city") }} as city,
        {{ parse_text("latest.default_address_country_code") }} as country,

        -- booleans
        {{ parse_boolean("latest.accepts_email_marketing") }}
            as accepts_email_marketing,
        {{ parse_boolean("latest.accepts_sms_marketing") }}
            as accepts_sms_marketing,

        -- timestamps
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone
    left join phones as address_phones
        on address_phones.contact_text = latest.default_address_phone

)

select * from final
