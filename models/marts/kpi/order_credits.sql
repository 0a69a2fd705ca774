{%- set models = ["last_touch", "first_touch", "linear", "position_based", "time_decay"] -%}

with

credits as (

    select * from {{ ref("int_attribution") }}

),

final as (

    select
        -- ids
        order_id,
        touchpoint_id,
        coalesce(customer_id, 'unassigned') as customer_id,
        source,
        coalesce(campaign_id, 'none') as campaign_id,

        -- strings
        channel,

        -- numbers
        touch_number,
        {% for model in models -%}
        {% for amount in ["credit", "revenue", "margin"] -%}
        {{ model }}_{{ amount }},
        {% endfor -%}
        {% endfor %}
        -- booleans
        is_first_order,

        -- dates and timestamps
        ordered_on,
        touched_at

    from credits

)

select * from final
