{%- set models = ["last_touch", "first_touch", "linear", "position_based", "time_decay"] -%}

with

credits as (

    select * from {{ ref("order_credits") }}

),

final as (

    {% for model in models -%}
    select
        -- ids
        order_id,
        touchpoint_id,
        customer_id,
        source,
        campaign_id,

        -- strings
        '{{ model }}' as attribution_model,
        channel,

        -- numbers
        touch_number,
        {{ model }}_credit as credit,
        {{ model }}_revenue as attributed_revenue,
        {{ model }}_margin as attributed_margin,

        -- booleans
        is_first_order,

        -- dates and timestamps
        ordered_on,
        touched_at

    from credits

    where
        {{ model }}_credit <> 0
        or {{ model }}_revenue <> 0

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
