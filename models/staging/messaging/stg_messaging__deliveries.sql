with

deliveries as (

    {{ first_rows(
        "messaging", "deliveries",
        [
            "channel", "provider", "message_id", "phone", "recipient_id", "event",
            "event_time",
        ]
    ) }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ surrogate_key([
            "deliveries.channel", "deliveries.provider", "deliveries.message_id",
            "deliveries.phone", "deliveries.recipient_id", "deliveries.event",
            "deliveries.event_time"
        ]) }} as event_id,
        {{ parse_id("deliveries.message_id") }} as provider_message_id,
        {{ parse_text("deliveries.campaign") }} as campaign_id,
        {{ parse_id("deliveries.recipient_id") }} as recipient_id,
        deliveries._file_id,
        deliveries._line,

        -- strings
        {{ parse_message_channel("deliveries.channel") }} as channel,
        {{ parse_text("deliveries.provider") }} as provider,
        phones.phone,
        phones.suggestion as suggested_phone,
        {{ parse_delivery_event("deliveries.event") }} as event_kind,
        {{ parse_text("deliveries.error_code") }} as error_code,
        {{ parse_text("deliveries.reply_text") }} as reply_text,
        {{ parse_currency("deliveries.currency") }} as currency,

        -- numbers
        {{ parse_unsigned_amount("deliveries.cost") }} as cost_amount,
        coalesce(
            {{ parse_positive_integer("deliveries.segments") }},
            -- what was charged had a part at least
            case when deliveries.cost is not null then 1 end
        ) as segment_count,

        -- booleans
        deliveries.cost is not null
        and {{ parse_positive_integer("deliveries.segments") }} is null
            as is_segment_count_imputed,

        -- timestamps
        {{ parse_iso_timestamp("deliveries.event_time") }} as happened_at

    from deliveries
    left join phones
        on phones.contact_text = deliveries.phone

)

select * from final
