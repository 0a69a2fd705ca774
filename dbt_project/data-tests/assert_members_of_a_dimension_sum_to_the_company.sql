-- Every order is of one shop, one offer, one country and one first channel: members sum to
-- the company in every period. Segments overlap and leave prospects out.
{{ config(meta={"dagster": {"ref": {"name": "kpi_sums"}}}) }}

with

kpi_sums as (

    select * from {{ ref("kpi_sums") }}

),

summed as (

    select
        dimension,
        period_grain,
        period_start,
        sum(orders) as orders,
        sum(unpaid_orders) as unpaid_orders,
        sum(new_customers) as new_customers,
        sum(gross_revenue) as gross_revenue,
        sum(net_revenue) as net_revenue,
        sum(attributed_revenue) as attributed_revenue,
        sum(known_margin) as known_margin

    from kpi_sums

    where dimension <> 'segment'

    group by
        dimension,
        period_grain,
        period_start

),

company as (

    select * from kpi_sums

    where dimension = 'company'

),

final as (

    select
        summed.dimension,
        company.period_grain,
        company.period_start

    from company
    inner join summed
        on summed.period_grain = company.period_grain
        and summed.period_start = company.period_start

    where
        summed.orders <> company.orders
        or summed.unpaid_orders <> company.unpaid_orders
        or summed.new_customers <> company.new_customers
        or summed.gross_revenue <> company.gross_revenue
        or summed.net_revenue <> company.net_revenue
        or summed.attributed_revenue <> company.attributed_revenue
        or summed.known_margin <> company.known_margin

)

select * from final
