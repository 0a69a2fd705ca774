with

orders as (

    select * from {{ ref("int_orders") }}

),

order_lines as (

    select * from {{ ref("int_order_lines") }}

),

shopify_products as (

    select * from {{ ref("stg_shopify__products") }}

),

insales_products as (

    select * from {{ ref("stg_insales__products") }}

    where currency is null or currency = '{{ var("base_currency") }}'

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

product_costs as (

    -- of two costs of one article the higher, so that no margin is overstated
    {% for shop in ["shopify", "insales"] %}
    select
        '{{ shop }}' as source,
        sku,
        max(unit_cost) as unit_cost

    from {{ shop }}_products

    where
        sku is not null
        and unit_cost is not null

    group by sku
    {% if not loop.last %}

    union all

    {% endif %}
    {% endfor %}

),

costs_of_goods as (

    select
        order_lines.order_id,
        {{ sum_amount("order_lines.quantity * product_costs.unit_cost") }}
            as cost_of_goods,
        count(*) = count(product_costs.unit_cost) as is_cost_known

    from order_lines
    left join product_costs
        on product_costs.source = order_lines.source
        and product_costs.sku = order_lines.sku

    group by order_lines.order_id

),

assigned as (

    select
        orders.*,
        customer_ids.customer_id,
        case
            when costs_of_goods.is_cost_known
                then orders.net_amount_base - costs_of_goods.cost_of_goods
        end as margin_amount_base

    from orders
    left join customer_ids
        on customer_ids.source = orders.source
        and customer_ids.export = orders.export
        and customer_ids.record_id = orders.record_id
    left join costs_of_goods
        on costs_of_goods.order_id = orders.order_id

),

numbered as (

    select
        assigned.*,

        row_number() over (
            partition by customer_id, is_paid
            order by ordered_at asc, order_id asc
        ) as order_number_of_customer,

        lag(ordered_on) over (
            partition by customer_id, is_paid
            order by ordered_at asc, order_id asc
        ) as previous_ordered_on,

        lag(ordered_on) over (
            partition by customer_id, is_paid, source
            order by ordered_at asc, order_id asc
        ) as previous_ordered_on_in_source,

        lag(ordered_on) over (
            partition by customer_id, is_paid, discount_code
            order by ordered_at asc, order_id asc
        ) as previous_ordered_on_with_code

    from assigned

),

final as (

    select
        -- ids
        order_id,
        source,
        customer_id,
        _file_id,
        _line,

        -- strings
        status,
        currency,
        discount_code,

        -- numbers
        case when is_paid and customer_id is not null then order_number_of_customer end
            as paid_order_number,
        gross_amount_base,
        net_amount_base,
        cast(margin_amount_base as decimal(38, 6)) as margin_amount_base,

        -- booleans
        is_paid,

        -- dates and timestamps
        ordered_on,
        ordered_at,
        {% for column in [
            "previous_ordered_on",
            "previous_ordered_on_in_source",
            "previous_ordered_on_with_code",
        ] -%}
        case when is_paid and customer_id is not null then {{ column }} end
            as {{ column }}
            {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from numbered

)

select * from final
