with

latest as (

    {{ latest_rows("bitrix24", "deals", ["id"], deletions=true) }}

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
        {{ parse_id("latest.contact_id") }} as contact_id,
        {{ parse_id("latest.company_id") }} as company_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.deal_name") }} as deal_name,
        {{ parse_text("latest.pipeline") }} as pipeline,
        {{ parse_text("latest.stage") }} as stage,
        {{ deal_status(
            parse_text("latest.stage"),
            won=["сделка успешна"],
            lost=["сделка провалена"],
            is_closed=parse_boolean("latest.is_closed")
        ) }} as deal_status,
        {{ parse_text("latest.deal_type") }} as deal_type,
        {{ parse_text("latest.responsible") }} as deal_owner,
        {{ parse_text("latest.source") }} as lead_source,
        {{ parse_name("latest.contact") }} as contact_name,
        {{ parse_text("latest.company") }} as company_name,
        emails.email,
        phones.phone,
        {{ parse_text("latest.utm_source") }} as utm_source,
        {{ parse_text("latest.utm_medium") }} as utm_medium,
        {{ parse_text("latest.utm_campaign") }} as utm_campaign,
        {{ parse_text("latest.utm_content") }} as utm_content,
        {{ parse_text("latest.utm_term") }} as utm_term,
        {{ parse_named_currency("latest.currency") }} as currency,

        -- numbers
        {{ parse_spaced_amount("latest.amount") }} as amount,
        {{ parse_integer("latest.probability") }} as probability_percent,

        -- booleans
        {{ parse_boolean("latest.is_returning") }} as is_returning,
        {{ parse_boolean("latest.is_repeated_request") }} as is_repeated_request,

        -- dates and timestamps
        {{ parse_day_first_date("latest.begins_on") }} as begins_on,
        {{ parse_day_first_date("latest.closes_on") }} as closes_on,
        {{ parse_day_first_local_timestamp("latest.created_at") }} as created_at,
        {{ parse_day_first_local_timestamp("latest.modified_at") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest
    left join emails
        on emails.contact_text = latest.contact_work_email
    left join phones
        on phones.contact_text = latest.contact_work_phone

)

select * from final
