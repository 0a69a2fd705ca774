{%- set models = ["last_touch", "first_touch", "linear", "position_based", "time_decay"] -%}
{%- set amounts = [
    ("credit", "cast(1 as decimal(18, 6))"),
    ("revenue", money("orders.net_amount_base")),
    ("margin", money("orders.margin_amount_base")),
] -%}

with

orders as (

    select * from {{ ref("int_customer_orders") }}

    where is_paid

),

touch_credits as (

    select * from {{ ref("int_touch_credits") }}

),

touched_orders as (

    -- not from the import above: DuckDB computes all columns of a view that uses it twice
    select order_id

    from {{ ref("int_touch_credits") }}

    where touch_number = 1

),

untouched as (

    -- of orders that are nobody's, nothing is known that came before
    select
        orders.order_id,
        cast(null as {{ dbt.type_string() }}) as touchpoint_id,
        orders.customer_id,
        orders.source,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        case when orders.customer_id is null then 'unassigned' else 'direct' end
            as channel,
        0 as touch_number,
        {% for model in models -%}
        {% for name, amount in amounts -%}
        {{ amount }} as {{ model }}_{{ name }},
        {% endfor -%}
        {% endfor -%}
        coalesce(orders.paid_order_number = 1, false) as is_first_order,
        orders.ordered_on,
        cast(null as timestamp) as touched_at

    from orders
    left join touched_orders
        on touched_orders.order_id = orders.order_id

    where touched_orders.order_id is null

),

final as (

    select * from touch_credits
    union all
    select * from untouched

)

select * from final
