with

campaign_costs as (

    select * from {{ ref("campaign_costs") }}

),

messages as (

    select * from {{ ref("messages") }}

),

touchpoints as (

    select * from {{ ref("touchpoints") }}

),

told as (

    select
        campaign_id,
        channel,
        cost_on as told_on

    from campaign_costs

    union all

    select
        campaign_id,
        channel,
        sent_on as told_on

    from messages

    union all

    select
        campaign_id,
        channel,
        happened_on as told_on

    from touchpoints

),

campaigns as (

    select
        campaign_id,
        {{ distinct_values_text("channel") }} as channels,
        min(told_on) as first_on,
        max(told_on) as last_on

    from told

    where campaign_id <> 'none'

    group by campaign_id

),

final as (

    select
        campaign_id,
        channels,
        first_on,
        last_on

    from campaigns

    union all

    select
        'none' as campaign_id,
        'none' as channels,
        cast(null as date) as first_on,
        cast(null as date) as last_on

)

select * from final
