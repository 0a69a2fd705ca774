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
        buyers.country,
        buyers.first_channel,
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
        min(country) as country,
        min(first_channel) as first_channel,
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
    select
        customer_id,
        country,
        first_channel,
        active_after,
        {% for grain in grains -%}
        {{ next_period_start("active_after", grain) }} as {{ grain }}_first_start,
        {{ period_start("active_until", grain) }} as {{ grain }}_last_start,
        {{ next_period_start("active_until", grain) }} as {{ grain }}_missed_start
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from spells

),

followed as (

    -- a short spell may see no start of a long period
    select
        starts.*,
        {% for grain in grains -%}
        min(
            case when {{ grain }}_first_start <= {{ grain }}_last_start
                then {{ grain }}_first_start end
        ) over (
            partition by customer_id
            order by active_after asc
            rows between 1 following and unbounded following
        ) as {{ grain }}_next_start
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from starts

),

final as (

    {% for grain in grains -%}
    select
        customer_id,
        country,
        first_channel,
        '{{ grain }}' as period_grain,
        {{ grain }}_first_start as first_start,
        {{ grain }}_last_start as last_start,
        coalesce({{ grain }}_next_start <> {{ grain }}_missed_start, true) as is_churned

    from followed

    where {{ grain }}_first_start <= {{ grain }}_last_start

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
