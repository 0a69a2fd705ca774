with

accepted as (

    {{ accepted_rows("sendgrid", "events") }}

),

first_deliveries as (

    -- the webhook may deliver an event twice; the first delivery counts
    select
        accepted.*,

        row_number() over (
            partition by accepted.sg_event_id
            order by accepted._delivery asc, accepted._line asc
        ) as delivery

    from accepted

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

final as (

    select
        -- ids
        first_deliveries.sg_event_id as event_id,
        first_deliveries.sg_message_id as provider_message_id,
        coalesce(
            {{ parse_text("first_deliveries.campaign_id") }},
            {{ parse_text("first_deliveries.singlesend_id") }},
            {{ parse_text("first_deliveries.marketing_campaign_id") }}
        ) as campaign_id,
        {{ parse_id("first_deliveries.asm_group_id") }} as unsubscribe_group_id,
        first_deliveries._file_id,
        first_deliveries._line,

        -- strings
        emails.email,
        emails.suggestion as suggested_email,
        {{ parse_message_event("first_deliveries.event") }} as event_kind,
        {{ first_of_json_array("first_deliveries.category") }} as category,
        {{ parse_text("first_deliveries.reason") }} as reason,
        {{ parse_text("first_deliveries.type") }} as bounce_kind,
        {{ parse_text("first_deliveries.bounce_classification") }}
            as bounce_classification,
        {{ parse_text("first_deliveries.url") }} as url,

        -- booleans
        coalesce(
            {{ parse_boolean("first_deliveries.sg_machine_open") }}
            or {{ matches("first_deliveries.useragent", "GoogleImageProxy|YahooMailProxy|^Mozilla/5[.]0$") }},
            false
        ) as is_mail_proxy,

        -- timestamps
        {{ parse_unix_timestamp("first_deliveries.timestamp") }} as happened_at

    from first_deliveries
    left join emails
        on emails.contact_text = first_deliveries.email

    where first_deliveries.delivery = 1

)

select * from final
