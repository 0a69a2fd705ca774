with

campaign_days as (

    select * from {{ ref("int_campaign_days") }}

),

campaigns as (

    select
        channel,
        campaign_id,
        started_on,
        count(cost) > 0 as is_cost_known

    from campaign_days

    group by
        channel,
        campaign_id,
        started_on

),

days as (

    {{ day_series(
        days_after(as_of_date(), "-" ~ var("payback_curve_days")), as_of_date(), "day"
    ) }}

),

day_numbers as (

    select {{ days_between("day", as_of_date()) }} as day_number from days

),

grid as (

    select
        campaigns.*,
        day_numbers.day_number,
        day_numbers.day_number <= {{ days_between("campaigns.started_on", as_of_date()) }}
            as is_reached

    from campaigns
    cross join day_numbers

),

summed as (

    select
        grid.*,
        {% for name in ["cost", "attributed_revenue", "attributed_margin", "unknown_margins"] -%}
        sum(coalesce(campaign_days.{{ name }}, 0)) over (
            partition by grid.channel, grid.campaign_id
            order by grid.day_number asc
            rows between unbounded preceding and current row
        ) as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from grid
    left join campaign_days
        on campaign_days.channel = grid.channel
        and campaign_days.campaign_id = grid.campaign_id
        and campaign_days.day_number = grid.day_number

),

known as (

    select
        channel,
        campaign_id,
        day_number,
        case when is_reached and is_cost_known then cost end as cost,
        case when is_reached then attributed_revenue end as attributed_revenue,
        case when is_reached and unknown_margins = 0 then attributed_margin end
            as attributed_margin

    from summed

),

final as (

    select
        channel,
        campaign_id,
        cast(day_number as integer) as day_number,
        {{ money("cost") }} as cost,
        {{ money("attributed_revenue") }} as attributed_revenue,
        {{ money("attributed_margin") }} as attributed_margin,
        {{ money("attributed_revenue - cost") }} as revenue_less_cost,
        {{ money("attributed_margin - cost") }} as margin_less_cost

    from known

)

select * from final
