with

events as (

    {{ first_rows("klaviyo", "events", ["id"]) }}

),

opened as (

    select
        events.*,
        {{ json_value("events.person", "$.id") }} as person_id,
        {{ json_value("events.event_properties", "$.$value") }} as value_text,
        {{ json_value("events.event_properties", "$.$currency_code") }} as currency,
        {{ json_value("events.event_properties", "$.$message") }} as message,
        {{ json_value("events.event_properties", "$.URL") }} as url,
        {{ json_value("events.event_properties", '$."Campaign Name"') }}
            as campaign_name

    from events

),

final as (

    select
        -- ids
        {{ parse_id("opened.id") }} as event_id,
        {{ parse_text("person_id") }} as profile_id,
        {{ parse_id("opened.campaign_id") }} as campaign_id,
        {{ parse_id("opened.flow_id") }} as flow_id,
        {{ parse_text("message") }} as provider_message_id,
        opened._file_id,
        opened._line,

        -- strings
        {{ parse_text("opened.event_name") }} as metric_name,
        {{ parse_text("campaign_name") }} as campaign_name,
        {{ parse_text("url") }} as url,
        opened.event_properties as properties,
        {{ parse_currency("currency") }} as currency,

        -- numbers
        {{ parse_amount("value_text") }} as value_amount,

        -- timestamps
        {{ parse_unix_timestamp("opened.timestamp") }} as happened_at

    from opened

)

select * from final
