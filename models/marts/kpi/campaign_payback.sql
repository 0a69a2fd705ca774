with

campaign_days as (

    select * from {{ ref("int_campaign_days") }}

),

summed as (

    select
        campaign_days.*,
        {% for name in ["cost", "attributed_revenue", "attributed_margin", "unknown_margins"] -%}
        sum(coalesce({{ name }}, 0)) over (
            partition by channel, campaign_id
            order by day_number asc
            rows between unbounded preceding and current row
        ) as {{ name }}_to_day
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from campaign_days

),

balanced as (

    select
        summed.*,
        max(case when attributed_revenue_to_day < cost_to_day then day_number end) over (
            partition by channel, campaign_id
        ) as last_day_in_debt,
        max(case when attributed_margin_to_day < cost_to_day then day_number end) over (
            partition by channel, campaign_id
        ) as last_day_in_debt_by_margin

    from summed

),

campaigns as (

    select
        channel,
        campaign_id,
        started_on,
        {{ days_between("started_on", as_of_date()) }} as age_days,
        {{ sum_amount("cost") }} as cost,
        {{ sum_amount("attributed_revenue") }} as attributed_revenue,
        case when sum(unknown_margins) = 0 then {{ sum_amount("attributed_margin") }} end
            as attributed_margin,
        -- the day since which it is out of debt to this day
        min(case when day_number > coalesce(last_day_in_debt, -1) then day_number end)
            as payback_days,
        min(
            case
                when day_number > coalesce(last_day_in_debt_by_margin, -1) then day_number
            end
        ) as payback_days_by_margin

    from balanced

    group by
        channel,
        campaign_id,
        started_on

),

judged as (

    select
        campaigns.*,
        case when cost is not null then payback_days end as known_payback_days,
        case
            when cost is not null and attributed_margin is not null
                then payback_days_by_margin
        end as known_payback_days_by_margin,
        age_days >= {{ var("min_payback_days") }} as is_old_enough

    from campaigns

),

final as (

    select
        channel,
        campaign_id,
        started_on,
        cast(age_days as integer) as age_days,
        {{ money("cost") }} as cost,
        {{ money("attributed_revenue") }} as attributed_revenue,
        {{ money("attributed_margin") }} as attributed_margin,
        cast(known_payback_days as integer) as payback_days,
        cast(known_payback_days_by_margin as integer) as payback_days_by_margin,
        case
            when cost is null then 'cost_unknown'
            when not is_old_enough then 'too_early'
            when known_payback_days is not null then 'paid_back'
            else 'not_paid_back'
        end as verdict,
        case
            when is_old_enough and known_payback_days is not null
                then rank() over (
                    partition by is_old_enough and known_payback_days is not null
                    order by known_payback_days asc
                )
        end as place

    from judged

)

select * from final
