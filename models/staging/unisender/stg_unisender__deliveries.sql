with

latest as (

    {{ latest_rows(
        "unisender", "deliveries", ["campaign_id", "email", "phone"],
        changed_at=parse_utc_timestamp("accepted.last_update")
    ) }}

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
        {{ surrogate_key(["latest.campaign_id", "latest.email", "latest.phone"]) }}
            as message_id,
        {{ parse_id("latest.campaign_id") }} as campaign_id,
        latest._file_id,
        latest._line,

        -- strings
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        {{ parse_send_result("latest.send_result") }} as send_result,

        -- timestamps
        {{ parse_utc_timestamp("latest.last_update") }} as updated_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
