with

campaign_counts as (

    select * from {{ ref("int_campaign_counts") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

    where campaign_id is not null

),

credits as (

    select * from {{ ref("int_touch_credits") }}

    where
        last_touch_credit > 0
        and campaign_id is not null

),

beginnings as (

    select
        channel,
        campaign_id,
        first_sent_on as started_on

    from campaign_counts

    union all

    select
        channel,
        campaign_id,
        min(cost_on) as started_on

    from costs

    group by
        channel,
        campaign_id

),

campaigns as (

    select
        channel,
        campaign_id,
        min(started_on) as started_on

    from beginnings

    group by
        channel,
        campaign_id

),

told as (

    -- the first day is there whatever happened on it
    select
        channel,
        campaign_id,
        started_on as told_on,
        cast(null as decimal(38, 6)) as cost,
        cast(0 as decimal(18, 2)) as attributed_revenue,
        cast(0 as decimal(18, 2)) as attributed_margin

    from campaigns

    union all

    select
        channel,
        campaign_id,
        cost_on as told_on,
        cost_amount_base as cost,
        cast(0 as decimal(18, 2)) as attributed_revenue,
        cast(0 as decimal(18, 2)) as attributed_margin

    from costs

    union all

    select
        channel,
        campaign_id,
        ordered_on as told_on,
        cast(null as decimal(38, 6)) as cost,
        last_touch_revenue as attributed_revenue,
        last_touch_margin as attributed_margin

    from credits

),

days as (

    select
        campaigns.channel,
        campaigns.campaign_id,
        campaigns.started_on,
        -- what is credited to a campaign before its first cost or message counts then
        greatest(
            {{ days_between("campaigns.started_on", "told.told_on") }}, 0
        ) as day_number,
        {{ sum_amount("told.cost") }} as cost,
        {{ sum_amount("told.attributed_revenue") }} as attributed_revenue,
        {{ sum_amount("told.attributed_margin") }} as attributed_margin,
        count(*) - count(told.attributed_margin) as unknown_margins

    from told
    inner join campaigns
        on campaigns.channel = told.channel
        and campaigns.campaign_id = told.campaign_id

    group by
        campaigns.channel,
        campaigns.campaign_id,
        campaigns.started_on,
        greatest({{ days_between("campaigns.started_on", "told.told_on") }}, 0)

),

final as (

    select
        channel,
        campaign_id,
        started_on,
        cast(day_number as integer) as day_number,
        cost,
        attributed_revenue,
        attributed_margin,
        unknown_margins

    from days

)

select * from final
