-- Every paid order is credited once by every model, and its credits sum to its net
-- revenue, to the last kopeck; orders of nobody among them.
{{ config(meta={"dagster": {"ref": {"name": "order_credits"}}}) }}
{%- set models = ["last_touch", "first_touch", "linear", "position_based", "time_decay"] %}

with

orders as (

    select * from {{ ref("orders") }}

    where is_paid

),

credits as (

    select
        order_id,
        {% for model in models -%}
        sum({{ model }}_credit) as {{ model }}_credit,
        sum({{ model }}_revenue) as {{ model }}_revenue
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from {{ ref("order_credits") }}

    group by order_id

),

final as (

    select coalesce(orders.order_id, credits.order_id) as order_id

    from orders
    full outer join credits
        on credits.order_id = orders.order_id

    where not coalesce(
        {% for model in models -%}
        credits.{{ model }}_credit = 1
        and credits.{{ model }}_revenue = orders.net_amount_base
        and {% endfor -%}
        true,
        false
    )

)

select * from final
