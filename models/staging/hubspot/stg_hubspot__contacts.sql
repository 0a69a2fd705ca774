with

latest as (

    {{ latest_rows("hubspot", "contacts", ["record_id"], deletions=true) }}

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
        {{ parse_id("latest.record_id") }} as contact_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.first_name") }} as first_name,
        {{ parse_name("latest.last_name") }} as last_name,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        mobile_phones.phone as mobile_phone,
        {{ parse_name("latest.city") }} as city,
        {{ parse_text("latest.country_region") }} as country,
        {{ parse_text("latest.preferred_language") }} as preferred_language,
        {{ parse_text("latest.contact_owner") }} as contact_owner,
        {{ parse_text("latest.lead_status") }} as lead_status,
        {{ parse_text("latest.lifecycle_stage") }} as lifecycle_stage,

        -- booleans
        {{ parse_boolean("latest.unsubscribed_from_all_email") }}
            as is_unsubscribed,

        -- dates and timestamps
        {{ parse_date("latest.date_of_birth") }} as birth_date,
        {{ parse_local_timestamp("latest.create_date") }} as created_at,
        {{ parse_local_timestamp("latest.last_modified_date") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone_number
    left join phones as mobile_phones
        on mobile_phones.contact_text = latest.mobile_phone_number

)

select * from final
