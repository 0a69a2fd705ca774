with

latest as (

    {{ latest_rows("feedback", "churn_reasons", ["contact_id", "left_on"]) }}

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
        {{ parse_id("latest.contact_id") }} as contact_id,
        latest._file_id,
        latest._line,

        -- strings
        emails.email,
        phones.phone,
        coalesce({{ parse_churn_reason("latest.reason") }}, 'not_given')
            as churn_reason,
        {{ parse_text("latest.comment") }} as comment_text,
        {{ parse_text("latest.competitor") }} as competitor,
        {{ parse_text("latest.manager") }} as manager,

        -- booleans
        {{ parse_churn_reason("latest.reason") }} is null as is_churn_reason_imputed,

        -- dates
        {{ parse_day_first_date("latest.left_on") }} as left_on

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
