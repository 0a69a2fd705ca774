with

latest as (

    {{ latest_rows("amocrm", "deals", ["id"], deletions=true) }}

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
        {{ parse_id("latest.id") }} as deal_id,
        {{ parse_text("latest.ym_uid") }} as metrica_client_id,
        {{ parse_text("latest.gclientid") }} as analytics_client_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.deal_name") }} as deal_name,
        {{ parse_text("latest.pipeline") }} as pipeline,
        {{ parse_text("latest.stage") }} as stage,
        {{ deal_status(
            parse_text("latest.stage"),
            won=["успешно реализовано"],
            lost=["закрыто и не реализовано"],
            is_closed=parse_closing_timestamp("latest.closed_at") ~ " < " ~ end_of_time()
        ) }} as deal_status,
        {{ parse_text("latest.responsible") }} as deal_owner,
        {{ parse_text("latest.loss_reason") }} as loss_reason,
        coalesce(
            {{ parse_text("latest.source_2") }}, {{ parse_text("latest.source") }}
        ) as lead_source,
        coalesce(
            {{ parse_text("latest.product_2") }}, {{ parse_text("latest.product") }}
        ) as product,
        {{ parse_text("latest.tags") }} as tags,
        {{ parse_name("latest.contact_name") }} as contact_name,
        {{ parse_text("latest.contact_responsible") }} as contact_owner,
        {{ parse_text("latest.contact_company") }} as contact_company,
        {{ parse_text("latest.company") }} as company_name,
        {{ parse_name("latest.city") }} as city,
        emails.email as work_email,
        personal_emails.email as personal_email,
        other_emails.email as other_email,
        phones.phone as work_phone,
        direct_phones.phone as direct_phone,
        mobile_phones.phone as mobile_phone,
        home_phones.phone as home_phone,
        other_phones.phone as other_phone,
        {{ parse_text("latest.utm_source") }} as utm_source,
        {{ parse_text("latest.utm_medium") }} as utm_medium,
        {{ parse_text("latest.utm_campaign") }} as utm_campaign,
        {{ parse_text("latest.utm_content") }} as utm_content,
        {{ parse_text("latest.utm_term") }} as utm_term,
        'RUB' as currency,

        -- numbers
        {{ parse_spaced_amount("latest.budget") }} as amount,

        -- booleans
        {{ parse_boolean("latest.user_agreement") }} as has_user_agreement,

        -- timestamps
        {{ parse_day_first_local_timestamp("latest.created_at") }} as created_at,
        {{ parse_day_first_local_timestamp("latest.edited_at") }} as modified_at,
        nullif(
            {{ parse_closing_timestamp("latest.closed_at") }}, {{ end_of_time() }}
        ) as closed_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.work_email
    left join emails as personal_emails
        on personal_emails.contact_text = latest.personal_email
    left join emails as other_emails
        on other_emails.contact_text = latest.other_email
    left join phones
        on phones.contact_text = latest.work_phone
    left join phones as direct_phones
        on direct_phones.contact_text = latest.direct_phone
    left join phones as mobile_phones
        on mobile_phones.contact_text = latest.mobile_phone
    left join phones as home_phones
        on home_phones.contact_text = latest.home_phone
    left join phones as other_phones
        on other_phones.contact_text = latest.other_phone

)

select * from final
