{#- within what else, beside all orders of a customer, the order before is looked for -#}
{%- set followed = {
    "source": "previous_ordered_on_in_source",
    "discount_code": "previous_ordered_on_with_code",
} -%}

with

orders as (

    select * from {{ ref("int_orders") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

assigned as (

    select
        orders.*,
        customer_ids.customer_id,
        orders.net_amount_base - orders.cost_of_goods as margin_amount_base

    from orders
    left join customer_ids
        on customer_ids.source = orders.source
        and customer_ids.export = orders.export
        and customer_ids.record_id = orders.record_id

),

paid as (

    select
        order_id,
        customer_id,
        source,
        discount_code,
        ordered_on,
        ordered_at

    from assigned

    where
        is_paid
        and customer_id is not null

),

numbered as (

    select
        order_id,

        row_number() over (
            partition by customer_id
            order by ordered_at asc, order_id asc
        ) as paid_order_number,

        lag(ordered_on) over (
            partition by customer_id
            order by ordered_at asc, order_id asc
        ) as previous_ordered_on

    from paid

),

-- who buys in one shop alone bought there before when they bought before; so with codes
{% for column in followed -%}
customers_of_several_{{ column }}s as (

    select customer_id

    from paid

    group by customer_id

    having
        min({{ column }}) < max({{ column }})
        or count({{ column }}) between 1 and count(*) - 1

),

previous_by_{{ column }} as (

    select
        paid.order_id,

        lag(paid.ordered_on) over (
            partition by paid.customer_id, paid.{{ column }}
            order by paid.ordered_at asc, paid.order_id asc
        ) as previous_ordered_on

    from paid
    inner join customers_of_several_{{ column }}s as customers
        on customers.customer_id = paid.customer_id

),

{% endfor -%}
final as (

    select
        -- ids
        assigned.order_id,
        assigned.source,
        assigned.customer_id,
        assigned._file_id,
        assigned._line,

        -- strings
        assigned.status,
        assigned.currency,
        assigned.discount_code,

        -- numbers
        numbered.paid_order_number,
        assigned.gross_amount_base,
        assigned.net_amount_base,
        cast(assigned.margin_amount_base as decimal(38, 6)) as margin_amount_base,

        -- booleans
        assigned.is_paid,

        -- dates and timestamps
        assigned.ordered_on,
        assigned.ordered_at,
        numbered.previous_ordered_on,
        {% for column, name in followed.items() -%}
        case
            when previous_by_{{ column }}.order_id is null
                then numbered.previous_ordered_on
            else previous_by_{{ column }}.previous_ordered_on
        end as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from assigned
    left join numbered
        on numbered.order_id = assigned.order_id
    {% for column in followed -%}
    left join previous_by_{{ column }}
        on previous_by_{{ column }}.order_id = assigned.order_id
    {% endfor %}

)

select * from final
