{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}

with

activity_days as (

    select * from {{ ref("int_activity_days") }}

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

edges as (

    -- a pause longer than the cut-off ends a spell
    select
        customer_id,
        active_on,
        coalesce(
            {{ days_between("previous_active_on", "active_on") }}
            > {{ var("inactivity_cutoff_days") }},
            true
        ) as is_first,
        coalesce(
            {{ days_between("active_on", "next_active_on") }}
            > {{ var("inactivity_cutoff_days") }},
            true
        ) as is_last

    from activity_days

),

paired as (

    -- the edge after the first day of a spell is its last one
    select
        edges.*,
        lead(active_on) over (
            partition by customer_id
            order by active_on asc
        ) as next_edge_on

    from edges

    where
        is_first
        or is_last

),

spells as (

    select
        customer_id,
        active_on as first_active_on,
        case when is_last then active_on else next_edge_on end as last_active_on

    from paired

    where is_first

),

bought as (

    -- customers are those who have bought
    select
        spells.customer_id,
        greatest(spells.first_active_on, buyers.first_order_on) as active_after,
        {{ days_after("spells.last_active_on", var("inactivity_cutoff_days")) }}
            as active_until

    from spells
    inner join buyers
        on buyers.customer_id = spells.customer_id
        and buyers.first_order_on <= spells.last_active_on

),

counted as (

    -- a short spell may see no start of a long period
    select
        bought.*,
        {% for grain in grains -%}
        active_until >= {{ next_period_start("active_after", grain) }}
            as is_active_at_{{ grain }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from bought

),

followed as (

    select
        counted.*,
        {% for grain in grains -%}
        min(case when is_active_at_{{ grain }} then active_after end) over (
            partition by customer_id
            order by active_after asc
            rows between 1 following and unbounded following
        ) as active_again_after_{{ grain }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from counted

),

final as (

    select
        -- ids
        customer_id,

        -- dates
        active_after,
        active_until,

        -- booleans
        {% for grain in grains -%}
        is_active_at_{{ grain }},
        is_active_at_{{ grain }}
        and coalesce(
            active_again_after_{{ grain }}
            >= {{ next_period_start("active_until", grain) }},
            true
        ) as is_churned_by_{{ grain }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from followed

)

select * from final
