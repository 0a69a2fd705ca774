with

latest as (

    {{ latest_rows("bitrix24", "contacts", ["id"], deletions=true) }}

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
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.first_name") }} as first_name,
        {{ parse_name("latest.middle_name") }} as middle_name,
        {{ parse_name("latest.last_name") }} as last_name,
        emails.email as work_email,
        private_emails.email as private_email,
        mailing_emails.email as mailing_email,
        other_emails.email as other_email,
        phones.phone as work_phone,
        mobile_phones.phone as mobile_phone,
        home_phones.phone as home_phone,
        mailing_phones.phone as mailing_phone,
        other_phones.phone as other_phone,
        {{ parse_text("latest.vk_page") }} as social_link,
        {{ parse_name("latest.city") }} as city,
        {{ parse_text("latest.region") }} as region,
        {{ parse_text("latest.country") }} as country,
        {{ parse_text("latest.company") }} as company_name,
        {{ parse_text("latest.position") }} as position,
        {{ parse_text("latest.contact_type") }} as contact_type,
        {{ parse_text("latest.responsible") }} as contact_owner,
        {{ parse_text("latest.source") }} as lead_source,
        {{ parse_text("latest.utm_source") }} as utm_source,
        {{ parse_text("latest.utm_medium") }} as utm_medium,
        {{ parse_text("latest.utm_campaign") }} as utm_campaign,
        {{ parse_text("latest.utm_content") }} as utm_content,
        {{ parse_text("latest.utm_term") }} as utm_term,

        -- dates and timestamps
        {{ parse_day_first_date("latest.birth_date") }} as birth_date,
        {{ parse_day_first_local_timestamp("latest.created_at") }} as created_at,
        {{ parse_day_first_local_timestamp("latest.modified_at") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.work_email
    left join emails as private_emails
        on private_emails.contact_text = latest.private_email
    left join emails as mailing_emails
        on mailing_emails.contact_text = latest.mailing_email
    left join emails as other_emails
        on other_emails.contact_text = latest.other_email
    left join phones
        on phones.contact_text = latest.work_phone
    left join phones as mobile_phones
        on mobile_phones.contact_text = latest.mobile_phone
    left join phones as home_phones
        on home_phones.contact_text = latest.home_phone
    left join phones as mailing_phones
        on mailing_phones.contact_text = latest.mailing_phone
    left join phones as other_phones
        on other_phones.contact_text = latest.other_phone

)

select * from final
