with

touchpoints as (

    select * from {{ ref("int_touchpoints") }}

),

final as (

    select
        -- ids
        touchpoint_id,
        source,
        customer_id,
        coalesce(campaign_id, 'none') as campaign_id,
        _file_id,
        _line,

        -- strings
        touch_kind,
        channel,
        traffic_source,
        traffic_medium,

        -- booleans
        is_continuation,

        -- dates and timestamps
        {{ business_day("happened_at") }} as happened_on,
        happened_at

    from touchpoints

)

select * from final
