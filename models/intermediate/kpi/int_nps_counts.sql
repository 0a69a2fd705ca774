{%- set grains = ["week", "month", "quarter", "half_year", "year"] -%}

with

responses as (

    select * from {{ ref("int_nps_responses") }}

),

waves as (

    {% for dimension, member in [
        ("company", "'company'"), ("touchpoint", "touchpoint")
    ] -%}
    {%- set outer_loop = loop -%}
    {% for grain in grains -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        '{{ grain }}' as period_grain,
        {{ period_start("responded_on", grain) }} as period_start,
        coalesce(customer_id, response_id) as respondent,
        response_id,
        nps_group,
        responded_at

    from responses

    {%- if not (loop.last and outer_loop.last) %}

    union all

    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

newest_first as (

    select
        waves.*,

        row_number() over (
            partition by dimension, member, period_grain, period_start, respondent
            order by responded_at desc, response_id desc
        ) as recency

    from waves

),

final as (

    select
        dimension,
        member,
        period_grain,
        period_start,
        count(*) as responses,
        count(case when nps_group = 'promoter' then 1 end) as promoters,
        count(case when nps_group = 'passive' then 1 end) as passives,
        count(case when nps_group = 'detractor' then 1 end) as detractors

    from newest_first

    where recency = 1

    group by
        dimension,
        member,
        period_grain,
        period_start

)

select * from final
