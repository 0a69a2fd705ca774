with

latest as (

    {{ latest_rows(
        "mailchimp", "members", ["euid"], deletions=true,
        changed_at=parse_utc_timestamp("accepted.last_changed")
    ) }}

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.euid") }} as member_id,
        latest._file_id,
        latest._line,

        -- strings
        emails.email,
        emails.suggestion as suggested_email,
        {{ parse_name("latest.first_name") }} as first_name,
        {{ parse_name("latest.last_name") }} as last_name,
        {{ parse_text("latest.cc") }} as country,

        -- timestamps
        {{ parse_utc_timestamp("latest.optin_time") }} as opted_in_at,
        {{ parse_utc_timestamp("latest.confirm_time") }} as confirmed_at,
        {{ parse_utc_timestamp("latest.unsub_time") }} as unsubscribed_at,
        {{ parse_utc_timestamp("latest.clean_time") }} as cleaned_at,
        {{ parse_utc_timestamp("latest.last_changed") }} as changed_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.email_address

)

select * from final
