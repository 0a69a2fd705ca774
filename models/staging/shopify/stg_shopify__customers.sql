with

accepted as (

    {{ accepted_rows("shopify", "customers") }}

),

newest_first as (

    select
        accepted.*,

        row_number() over (
            partition by {{ parse_id("accepted.customer_id") }}
            order by accepted._loaded_at desc, accepted._line desc
        ) as recency

    from accepted

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
        {{ parse_id("newest_first.customer_id") }} as shopify_customer_id,
        newest_first._file_id,
        newest_first._line,

        -- strings
        {{ parse_text("newest_first.first_name") }} as first_name,
        {{ parse_text("newest_first.last_name") }} as last_name,
        emails.email,
        phones.phone,
        address_phones.phone as address_phone,
        {{ parse_text("newest_first.default_address_city") }} as city,
        {{ parse_text("newest_first.default_address_country_code") }} as country,

        -- booleans
        {{ parse_boolean("newest_first.accepts_email_marketing") }}
            as accepts_email_marketing

    from newest_first
    left join emails
        on emails.contact_text = newest_first.email
    left join phones
        on phones.contact_text = newest_first.phone
    left join phones as address_phones
        on address_phones.contact_text = newest_first.default_address_phone

    where newest_first.recency = 1

)

select * from final
