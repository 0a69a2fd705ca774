with

events as (

    {{ first_rows("sendgrid", "events", ["sg_event_id"]) }}

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

final as (

    select
        -- ids
        events.sg_event_id as event_id,
        events.sg_message_id as provider_message_id,
        coalesce(
            {{ parse_text("events.campaign_id") }},
            {{ parse_text("events.singlesend_id") }},
            {{ parse_text("events.marketing_campaign_id") }}
        ) as campaign_id,
        {{ parse_id("events.asm_group_id") }} as unsubscribe_group_id,
        events._file_id,
        events._line,

        -- strings
        emails.email,
        emails.suggestion as suggested_email,
        {{ parse_message_event("events.event") }} as event_kind,
        {{ first_of_json_array("events.category") }} as category,
        {{ parse_text("events.reason") }} as reason,
        {{ parse_text("events.type") }} as bounce_kind,
        {{ parse_text("events.bounce_classification") }} as bounce_classification,
        {{ parse_text("events.url") }} as url,

        -- booleans
        coalesce(
            {{ parse_boolean("events.sg_machine_open") }}
            or {{ matches("events.useragent", "GoogleImageProxy|YahooMailProxy|^Mozilla/5[.]0$") }},
            false
        ) as is_mail_proxy,

        -- timestamps
        {{ parse_unix_timestamp("events.timestamp") }} as happened_at

    from events
    left join emails
        on emails.contact_text = events.email

)

select * from final
