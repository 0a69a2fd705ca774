{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}

with

spells as (

    select * from {{ ref("int_active_spells") }}

),

final as (

    -- active at the first start of a period after the first day, up to the last start
    -- before the cut-off
    {% for grain in grains -%}
    select
        customer_id,
        '{{ grain }}' as period_grain,
        {{ next_period_start("active_after", grain) }} as first_start,
        {{ period_start("active_until", grain) }} as last_start,
        is_churned_by_{{ grain }} as is_churned

    from spells

    where is_active_at_{{ grain }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
