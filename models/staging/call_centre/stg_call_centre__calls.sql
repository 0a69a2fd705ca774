with

latest as (

    {{ latest_rows("call_centre", "calls", ["call_id"]) }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.call_id") }} as call_id,
        {{ parse_text("latest.campaign") }} as campaign_id,
        {{ parse_id("latest.recording_id") }} as recording_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_call_direction("latest.direction") }} as direction,
        phones.phone,
        phones.suggestion as suggested_phone,
        {{ parse_text("latest.agent") }} as agent,
        {{ parse_text("latest.queue") }} as queue,
        {{ parse_call_result("latest.result") }} as call_result,

        -- numbers
        coalesce({{ parse_seconds_integer("latest.duration") }}, 0) as duration_seconds,
        {{ parse_seconds_integer("latest.wait") }} as wait_seconds,

        -- booleans
        {{ parse_seconds_integer("latest.duration") }} is null as is_duration_imputed,
        coalesce({{ parse_boolean("latest.do_not_call") }}, false)
            as is_call_refused,

        -- timestamps
        {{ parse_day_first_local_timestamp("latest.started_at") }} as started_at

    from latest
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
