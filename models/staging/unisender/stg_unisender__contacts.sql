with

latest as (

    {{ latest_rows("unisender", "contacts", ["email", "phone"], deletions=true) }}

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
        {{ surrogate_key(["latest.email", "latest.phone"]) }} as contact_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.name") }} as full_name,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        phones.suggestion as suggested_phone,
        {{ parse_contact_status("latest.email_status") }} as email_status,
        {{ parse_contact_availability("latest.email_availability") }}
            as email_availability,
        {{ parse_contact_status("latest.phone_status") }} as phone_status,
        {{ parse_text("latest.email_list_ids") }} as email_list_ids,
        {{ parse_text("latest.email_unsubscribed_list_ids") }}
            as left_email_list_ids,
        {{ parse_text("latest.tags") }} as tags,

        -- timestamps
        {{ parse_utc_timestamp("latest.email_add_time") }} as email_added_at,
        {{ parse_utc_timestamp("latest.email_confirm_time") }} as email_confirmed_at,
        {{ parse_utc_timestamp("latest.email_last_delivered_at") }}
            as last_delivered_at,
        {{ parse_utc_timestamp("latest.email_last_read_at") }} as last_opened_at,
        {{ parse_utc_timestamp("latest.email_last_clicked_at") }} as last_clicked_at,
        {{ parse_utc_timestamp("latest.phone_add_time") }} as phone_added_at,
        {{ parse_utc_timestamp("latest.phone_confirm_time") }} as phone_confirmed_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
