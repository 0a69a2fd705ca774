with

latest as (

    {{ latest_rows("salesforce", "contacts", ["id"], deletions=true) }}

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
        {{ parse_id("latest.id") }} as contact_id,
        {{ parse_id("latest.account_id") }} as account_id,
        {{ parse_id("latest.master_record_id") }} as merged_into_id,
        {{ parse_id("latest.owner_id") }} as owner_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.first_name") }} as first_name,
        {{ parse_name("latest.last_name") }} as last_name,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        phones.suggestion as suggested_phone,
        mobile_phones.phone as mobile_phone,
        mobile_phones.suggestion as suggested_mobile_phone,
        home_phones.phone as home_phone,
        home_phones.suggestion as suggested_home_phone,
        other_phones.phone as other_phone,
        other_phones.suggestion as suggested_other_phone,
        {{ parse_name("latest.mailing_city") }} as city,
        {{ parse_text("latest.mailing_state") }} as region,
        {{ parse_text("latest.mailing_country") }} as country,
        {{ parse_text("latest.title") }} as position,
        {{ parse_text("latest.department") }} as department,
        {{ parse_text("latest.lead_source") }} as lead_source,

        -- booleans
        {{ parse_boolean("latest.has_opted_out_of_email") }} as is_unsubscribed,
        {{ parse_boolean("latest.do_not_call") }} as is_opted_out_of_calls,
        {{ parse_boolean("latest.is_deleted") }} as is_in_recycle_bin,

        -- dates and timestamps
        {{ parse_date("latest.birthdate") }} as birth_date,
        {{ parse_iso_or_utc_timestamp("latest.created_date") }} as created_at,
        {{ parse_iso_or_utc_timestamp("latest.last_modified_date") }} as modified_at,
        {{ parse_iso_or_utc_timestamp("latest.email_bounced_date") }}
            as email_bounced_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone
    left join phones as mobile_phones
        on mobile_phones.contact_text = latest.mobile_phone
    left join phones as home_phones
        on home_phones.contact_text = latest.home_phone
    left join phones as other_phones
        on other_phones.contact_text = latest.other_phone

)

select * from final
