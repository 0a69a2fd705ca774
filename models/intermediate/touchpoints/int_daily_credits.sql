{%- set models = ["last_touch", "first_touch", "linear", "position_based", "time_decay"] -%}

with

credits as (

    select * from {{ ref("int_attribution") }}

),

-- all models in one pass over the orders, and apart where a day has one row
daily as (

    select
        channel,
        coalesce(campaign_id, 'none') as campaign_id,
        ordered_on,
        {% for model in models -%}
        sum({{ model }}_credit) as {{ model }}_orders,
        sum(case when {{ model }}_revenue > 0 then {{ model }}_credit else 0 end)
            as {{ model }}_orders_with_revenue,
        sum(case when is_first_order then {{ model }}_credit else 0 end)
            as {{ model }}_new_customers,
        {{ sum_amount(model ~ "_revenue") }} as {{ model }}_revenue,
        {{ sum_amount(model ~ "_margin") }} as {{ model }}_margin,
        count(case when {{ model }}_credit > 0 and {{ model }}_margin is null then 1 end)
            as {{ model }}_unknown_margins
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from credits

    group by
        channel,
        coalesce(campaign_id, 'none'),
        ordered_on

),

final as (

    {% for model in models -%}
    select
        '{{ model }}' as attribution_model,
        channel,
        campaign_id,
        ordered_on,
        {{ model }}_orders as orders,
        {{ model }}_orders_with_revenue as orders_with_revenue,
        {{ model }}_new_customers as new_customers,
        {{ model }}_revenue as attributed_revenue,
        {{ model }}_margin as attributed_margin,
        {{ model }}_unknown_margins as unknown_margins

    from daily

    where {{ model }}_orders > 0

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
