with

events as (

    {{ first_rows(
        "ga4", "events",
        [
            "stream_id", "user_pseudo_id", "event_timestamp", "event_name",
            "event_bundle_sequence_id", "batch_page_id", "batch_ordering_id",
            "batch_event_index",
        ]
    ) }}

),

opened as (

    select
        events.*,
        {{ event_parameter("events.event_params", "ga_session_id") }} as ga_session_id,
        {{ event_parameter("events.event_params", "page_location") }} as page_location,
        {{ event_parameter("events.event_params", "page_referrer") }} as page_referrer,
        {{ event_parameter("events.event_params", "engagement_time_msec") }}
            as engagement_time,
        coalesce(
            {{ event_parameter("events.event_params", "transaction_id") }},
            {{ json_value("events.ecommerce", "$.transaction_id") }}
        ) as transaction_id,
        {{ json_value(
            "events.collected_traffic_source", "$.manual_campaign_name"
        ) }} as campaign_name,
        {{ json_value("events.collected_traffic_source", "$.manual_source") }}
            as traffic_source_name,
        {{ json_value("events.collected_traffic_source", "$.manual_medium") }}
            as traffic_medium,
        {{ json_value("events.collected_traffic_source", "$.gclid") }} as gclid,
        {{ json_value("events.device", "$.category") }} as device_category,
        {{ json_value("events.geo", "$.country") }} as country

    from events

),

final as (

    select
        -- ids
        {{ surrogate_key([
            "stream_id", "user_pseudo_id", "event_timestamp", "event_name",
            "event_bundle_sequence_id", "batch_page_id", "batch_ordering_id",
            "batch_event_index"
        ]) }} as event_id,
        {{ parse_id("user_id") }} as user_id,
        {{ parse_text("user_pseudo_id") }} as client_id,
        {{ parse_text("ga_session_id") }} as ga_session_id,
        nullif({{ parse_text("transaction_id") }}, '(not set)') as transaction_id,
        {{ parse_id("stream_id") }} as stream_id,
        opened._file_id,
        opened._line,

        -- strings
        {{ parse_text("event_name") }} as event_name,
        {{ parse_text("page_location") }} as page_location,
        {{ parse_text("page_referrer") }} as page_referrer,
        {{ parse_text("traffic_source_name") }} as traffic_source_name,
        {{ parse_text("traffic_medium") }} as traffic_medium,
        {{ parse_text("campaign_name") }} as campaign_name,
        {{ parse_text("gclid") }} as gclid,
        {{ parse_text("device_category") }} as device_category,
        {{ parse_text("country") }} as country,
        lower({{ parse_text("platform") }}) as platform,

        -- nested, as delivered
        event_params,
        device,
        geo,
        traffic_source,
        ecommerce,
        items,

        -- numbers
        {{ parse_integer("engagement_time") }} as engagement_time_msec,

        -- timestamps
        {{ parse_unix_micro_timestamp("opened.event_timestamp") }} as happened_at

    from opened

)

select * from final
