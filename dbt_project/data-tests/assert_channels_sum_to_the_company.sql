-- What channels are credited with is what the company sold, by every model and in every
-- period: the same orders and new customers, the same revenue but for the rounding of each
-- order, and the same cost.
{{ config(meta={"dagster": {"ref": {"name": "kpi_channels"}}}) }}

with

company as (

    select * from {{ ref("kpi_company") }}

),

channels as (

    select
        attribution_model,
        period_grain,
        period_start,
        sum(orders) as orders,
        sum(new_customers) as new_customers,
        sum(attributed_revenue) as attributed_revenue,
        sum(case when channel not in ('direct', 'unassigned') then attributed_revenue end)
            as touched_revenue,
        sum(cost) as cost,
        count(cost) as cost_count

    from {{ ref("kpi_channels") }}

    group by
        attribution_model,
        period_grain,
        period_start

),

final as (

    select
        channels.attribution_model,
        company.period_grain,
        company.period_start

    from company
    full outer join channels
        on channels.period_grain = company.period_grain
        and channels.period_start = company.period_start

    where
        coalesce(channels.orders, 0) <> coalesce(company.orders, 0)
        or coalesce(channels.new_customers, 0) <> coalesce(company.new_customers, 0)
        -- half a kopeck for each order, and for the sum
        or abs(coalesce(channels.attributed_revenue, 0) - coalesce(company.net_revenue, 0))
        > 0.005 * (coalesce(company.orders, 0) + 1)
        or abs(coalesce(channels.touched_revenue, 0) - company.attributed_revenue)
        > 0.005 * (company.orders + 1)
        or abs(coalesce(channels.cost, 0) - coalesce(company.cost, 0))
        > 0.005 * (coalesce(channels.cost_count, 0) + 1)

)

select * from final
