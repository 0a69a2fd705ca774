with

accepted as (

    {{ accepted_rows("hubspot", "contacts") }}

),

newest_first as (

    select
        accepted.*,

        row_number() over (
            partition by {{ parse_id("accepted.record_id") }}
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
        {{ parse_id("newest_first.record_id") }} as contact_id,
        newest_first._file_id,
        newest_first._line,

        -- strings
        {{ parse_text("newest_first.first_name") }} as first_name,
        {{ parse_text("newest_first.last_name") }} as last_name,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        mobile_phones.phone as mobile_phone,
        {{ parse_text("newest_first.city") }} as city,
        {{ parse_text("newest_first.country_region") }} as country,
        {{ parse_text("newest_first.preferred_language") }} as preferred_language,
        {{ parse_text("newest_first.contact_owner") }} as contact_owner,
        {{ parse_text("newest_first.lead_status") }} as lead_status,
        {{ parse_text("newest_first.lifecycle_stage") }} as lifecycle_stage,

        -- booleans
        {{ parse_boolean("newest_first.unsubscribed_from_all_email") }}
            as is_unsubscribed,

        -- dates and timestamps
        {{ parse_date("newest_first.date_of_birth") }} as birth_date,
        {{ parse_local_timestamp("newest_first.create_date") }} as created_at,
        {{ parse_local_timestamp("newest_first.last_modified_date") }} as modified_at

    from newest_first
    left join emails
        on emails.contact_text = newest_first.email
    left join phones
        on phones.contact_text = newest_first.phone_number
    left join phones as mobile_phones
        on mobile_phones.contact_text = newest_first.mobile_phone_number

    where newest_first.recency = 1

)

select * from final
