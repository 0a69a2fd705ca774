with

latest as (

    {{ latest_rows("bitrix24", "companies", ["id"], deletions=true) }}

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
        {{ parse_id("latest.id") }} as company_id,
        {{ parse_id("latest.inn") }} as inn,
        {{ parse_id("latest.kpp") }} as kpp,
        coalesce(
            {{ parse_id("latest.ogrn") }}, {{ parse_id("latest.ogrnip") }}
        ) as ogrn,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.company_name") }} as company_name,
        {{ parse_text("latest.full_legal_name") }} as full_legal_name,
        {{ parse_text("latest.company_type") }} as company_type,
        {{ parse_text("latest.industry") }} as industry,
        {{ parse_text("latest.employees") }} as employee_range,
        emails.email,
        phones.phone,
        mobile_phones.phone as mobile_phone,
        {{ parse_text("latest.website") }} as website,
        {{ parse_name("latest.legal_city") }} as city,
        {{ parse_text("latest.legal_region") }} as region,
        {{ parse_text("latest.legal_country") }} as country,
        {{ parse_text("latest.responsible") }} as company_owner,
        {{ parse_named_currency("latest.currency") }} as currency,
        {{ parse_text("latest.utm_source") }} as utm_source,
        {{ parse_text("latest.utm_medium") }} as utm_medium,
        {{ parse_text("latest.utm_campaign") }} as utm_campaign,
        {{ parse_text("latest.utm_content") }} as utm_content,
        {{ parse_text("latest.utm_term") }} as utm_term,

        -- numbers
        {{ parse_spaced_amount("latest.annual_revenue") }} as annual_revenue_amount,

        -- timestamps
        {{ parse_day_first_local_timestamp("latest.created_at") }} as created_at,
        {{ parse_day_first_local_timestamp("latest.modified_at") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.work_email
    left join phones
        on phones.contact_text = latest.work_phone
    left join phones as mobile_phones
        on mobile_phones.contact_text = latest.mobile_phone

)

select * from final
