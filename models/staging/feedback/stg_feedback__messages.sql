with

latest as (

    {{ latest_rows("feedback", "messages", ["message_id"]) }}

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
        {{ parse_id("latest.message_id") }} as message_id,
        {{ parse_id("latest.order_number") }} as order_name,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.name") }} as person_name,
        emails.email,
        phones.phone,
        {{ parse_contact_channel("latest.channel") }} as channel,
        coalesce({{ parse_feedback_kind("latest.kind") }}, 'other') as feedback_kind,
        {{ parse_text("latest.text") }} as message_text,

        -- numbers
        {{ parse_rating_integer("latest.rating") }} as rating,

        -- booleans
        {{ parse_feedback_kind("latest.kind") }} is null as is_feedback_kind_imputed,
        -- silence is no consent
        coalesce({{ parse_boolean("latest.consent_to_contact") }}, false)
            as is_contact_allowed,
        {{ parse_boolean("latest.consent_to_contact") }} is null
            as is_contact_allowed_imputed,

        -- timestamps
        {{ parse_iso_timestamp("latest.sent_at") }} as sent_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
