{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}

with

orders as (

    select * from {{ ref("int_orders") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

),

first_days as (

    select min(ordered_on) as day from orders
    union all
    select min(cost_on) as day from costs

),

bounds as (

    select min(day) as first_day from first_days

),

days as (

    {{ day_series("(select first_day from bounds)", as_of_date(), "day") }}

),

starts as (

    {% for grain in grains -%}
    select
        '{{ grain }}' as period_grain,
        {{ period_start("day", grain) }} as period_start,
        {{ next_period_start("day", grain) }} as next_period_start

    from days

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        period_grain,
        period_start,
        next_period_start,
        {{ days_between("period_start", "next_period_start") }} as day_count,
        next_period_start <= {{ days_after(as_of_date(), 1) }} as is_complete

    from starts

    where period_start is not null

    group by
        period_grain,
        period_start,
        next_period_start

)

select * from final
