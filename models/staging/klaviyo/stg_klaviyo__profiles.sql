with

latest as (

    {{ latest_rows("klaviyo", "profiles", ["klaviyo_id"], deletions=true) }}

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
        {{ parse_id("latest.klaviyo_id") }} as profile_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.first_name") }} as first_name,
        {{ parse_name("latest.last_name") }} as last_name,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        phones.suggestion as suggested_phone,
        {{ parse_name("latest.city") }} as city,
        {{ parse_text("latest.state_region") }} as region,
        {{ parse_text("latest.country") }} as country,
        {{ parse_text("latest.source") }} as acquisition_source,
        {{ parse_profile_consent("latest.email_marketing_consent") }} as email_consent,
        {{ parse_profile_consent("latest.sms_marketing_consent") }} as sms_consent,
        nullif({{ parse_profile_suppression("latest.email_suppressions") }}, 'none')
            as suppression_reason,

        -- timestamps
        {{ parse_utc_iso_timestamp("latest.email_marketing_consent_timestamp") }}
            as email_consent_at,
        {{ parse_utc_iso_timestamp("latest.sms_marketing_consent_timestamp") }}
            as sms_consent_at,
        {{ parse_utc_iso_timestamp("latest.email_suppressions_timestamp") }}
            as suppressed_at,
        {{ parse_utc_iso_timestamp("latest.profile_created_on") }} as created_at,
        {{ parse_utc_iso_timestamp("latest.last_active") }} as last_active_at,
        {{ parse_utc_iso_timestamp("latest.last_open") }} as last_opened_at,
        {{ parse_utc_iso_timestamp("latest.last_click") }} as last_clicked_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone_number

)

select * from final
