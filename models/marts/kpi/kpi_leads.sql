{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}

with

deals as (

    select * from {{ ref("deals") }}

),

leads as (

    {% for member in ["source", "'all'"] -%}
    {% for grain in grains -%}
    select
        {{ member }} as source,
        '{{ grain }}' as period_grain,
        {{ period_start("created_on", grain) }} as period_start,
        deal_id,
        is_response_measured,
        is_answered_within_hour,
        lead_response_minutes

    from deals

    {% if not loop.last -%}
    union all

    {% endif -%}
    {%- endfor %}
    {%- if not loop.last %}
    union all

    {% endif -%}
    {%- endfor %}

),

ranked as (

    select
        leads.*,

        case
            when lead_response_minutes is not null
                then row_number() over (
                    partition by source, period_grain, period_start
                    order by lead_response_minutes asc nulls last, deal_id asc
                )
        end as response_number,

        count(lead_response_minutes) over (
            partition by source, period_grain, period_start
        ) as response_count

    from leads

),

final as (

    select
        source,
        period_grain,
        period_start,
        count(*) as leads,
        count(case when is_response_measured then 1 end) as measured_leads,
        count(lead_response_minutes) as answered_leads,
        count(case when is_answered_within_hour then 1 end) as leads_within_hour,
        -- the one in the middle, or the mean of the two
        cast(
            round(
                cast(
                    sum(
                        case
                            when 2 * response_number between response_count
                                and response_count + 2 then lead_response_minutes
                        end
                    ) as double
                ) / nullif(
                    count(
                        case
                            when 2 * response_number between response_count
                                and response_count + 2 then 1
                        end
                    ),
                    0
                ),
                2
            ) as decimal(18, 2)
        ) as lead_response_minutes,
        {{ ratio(
            "count(case when is_answered_within_hour then 1 end)",
            "count(case when is_response_measured then 1 end)"
        ) }} as share_within_hour

    from ranked

    group by
        source,
        period_grain,
        period_start

)

select * from final
