{%- set counts = [
    "orders", "orders_with_revenue", "orders_without_margin", "unpaid_orders",
    "new_customers", "new_repeat_customers",
] -%}
{%- set amounts = [
    "gross_revenue", "net_revenue", "net_revenue_unassigned", "attributed_revenue",
    "known_margin", "attributed_known_margin",
] -%}

with

orders as (

    select * from {{ ref("int_order_facts") }}

),

credits as (

    select * from {{ ref("int_attribution") }}

    where last_touch_credit > 0

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

),

credited_orders as (

    select
        orders.*,
        coalesce(credits.channel, 'unassigned') as channel,
        coalesce(credits.campaign_id, 'none') as campaign_id

    from orders
    left join credits
        on credits.order_id = orders.order_id

),

order_facts as (

    select
        -- ids
        concat('order ', order_id) as fact_id,
        source,
        coalesce(customer_id, 'unassigned') as customer_id,
        case when has_buyer then customer_id end as buyer_id,
        campaign_id,

        -- strings
        channel,
        offer,

        -- numbers
        {% for name in counts -%}
        case when {{ order_count(name) }} then 1 else 0 end as {{ name }},
        {% endfor -%}
        {% for name in amounts -%}
        coalesce({{ order_amount(name) }}, 0) as {{ name }},
        {% endfor -%}
        cast(null as decimal(38, 6)) as cost,

        -- dates
        ordered_on as fact_on

    from credited_orders

),

cost_facts as (

    select
        -- ids
        concat('cost ', campaign_cost_id) as fact_id,
        'none' as source,
        'unassigned' as customer_id,
        cast(null as {{ dbt.type_string() }}) as buyer_id,
        coalesce(campaign_id, 'none') as campaign_id,

        -- strings
        channel,
        'none' as offer,

        -- numbers
        {% for name in counts -%}
        0 as {{ name }},
        {% endfor -%}
        {% for name in amounts -%}
        cast(0 as decimal(38, 6)) as {{ name }},
        {% endfor -%}
        cost_amount_base as cost,

        -- dates
        cost_on as fact_on

    from costs

),

final as (

    select * from order_facts
    union all
    select * from cost_facts

)

select * from final
