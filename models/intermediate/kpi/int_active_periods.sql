{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}

with

activity_days as (

    select * from {{ ref("int_activity_days") }}

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

opened as (

    -- a pause longer than the cut-off ends a spell; customers are those who have bought
    select
        activity_days.customer_id,
        activity_days.active_on,
        buyers.first_order_on,

        sum(
            case
                when {{ days_between(
                    "activity_days.previous_active_on", "activity_days.active_on"
                ) }} <= {{ var("inactivity_cutoff_days") }} then 0
                else 1
            end
        ) over (
            partition by activity_days.customer_id
            order by activity_days.active_on asc
            rows between unbounded preceding and current row
        ) as spell_number

    from activity_days
    inner join buyers
        on buyers.customer_id = activity_days.customer_id

),

spells as (

    select
        customer_id,
        greatest(min(active_on), min(first_order_on)) as active_after,
        {{ days_after("max(active_on)", var("inactivity_cutoff_days")) }} as active_until

    from opened

    group by
        customer_id,
        spell_number

    having max(active_on) >= min(first_order_on)

),

starts as (

    -- active at the first start of a period after the first day, up to the last start
    -- before the cut-off
    {% for grain in grains -%}
    select
        customer_id,
        '{{ grain }}' as period_grain,
        {{ next_period_start("active_after", grain) }} as first_start,
        {{ period_start("active_until", grain) }} as last_start,
        {{ next_period_start("active_until", grain) }} as missed_start

    from spells

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

followed as (

    select
        starts.*,

        lead(first_start) over (
            partition by customer_id, period_grain
            order by first_start asc
        ) as next_first_start

    from starts

    where first_start <= last_start

),

final as (

    select
        customer_id,
        period_grain,
        first_start,
        last_start,
        coalesce(next_first_start <> missed_start, true) as is_churned

    from followed

)

select * from final
