-- What customers bought and what nobody known bought is what the company sold: month by
-- month the same paid orders, and the same revenue but for the rounding of each order.
{{ config(meta={"dagster": {"ref": {"name": "kpi_company"}}}) }}

with

orders as (

    select * from {{ ref("orders") }}

    where is_paid

),

kpi_company as (

    select * from {{ ref("kpi_company") }}

    where period_grain = 'month'

),

customer_months as (

    select
        customer_id,
        {{ month_start("ordered_on") }} as period_start,
        count(*) as orders,
        sum(net_amount_base) as net_revenue

    from orders

    group by
        customer_id,
        {{ month_start("ordered_on") }}

),

months as (

    select
        period_start,
        sum(orders) as orders,
        sum(case when customer_id <> 'unassigned' then 1 else 0 end) as buyers,
        sum(net_revenue) as net_revenue,
        sum(case when customer_id = 'unassigned' then net_revenue else 0 end)
            as net_revenue_unassigned

    from customer_months

    group by period_start

),

compared as (

    select
        coalesce(months.period_start, kpi_company.period_start) as period_start,
        coalesce(months.orders, 0) as orders_of_customers,
        coalesce(kpi_company.orders, 0) as orders_of_company,
        coalesce(months.buyers, 0) as buyers_among_customers,
        coalesce(kpi_company.buyers, 0) as buyers_of_company,
        coalesce(months.net_revenue, 0) - coalesce(kpi_company.net_revenue, 0)
            as revenue_gap,
        coalesce(months.net_revenue_unassigned, 0)
        - coalesce(kpi_company.net_revenue_unassigned, 0) as unassigned_revenue_gap

    from months
    full outer join kpi_company
        on kpi_company.period_start = months.period_start

),

final as (

    select *

    from compared

    where
        orders_of_customers <> orders_of_company
        or buyers_among_customers <> buyers_of_company
        -- half a cent for each order, and for the sum
        or abs(revenue_gap) > 0.005 * (orders_of_customers + 1)
        or abs(unassigned_revenue_gap) > 0.005 * (orders_of_customers + 1)

)

select * from final
