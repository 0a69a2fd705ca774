with

kpi_dimensions as (

    select * from {{ ref("kpi_dimensions") }}

    where dimension = 'company'

),

final as (

    select
        -- period
        period_grain,
        period_start,
        is_complete,

        -- orders and customers
        orders,
        free_orders,
        unpaid_orders,
        buyers,
        new_customers,
        customers_to_date,
        repeat_customers_to_date,
        active_customers,
        churned_customers,

        -- amounts in the base currency
        gross_revenue,
        net_revenue,
        net_revenue_unassigned,
        margin,
        revenue_to_date,
        margin_to_date,
        attributed_revenue,
        attributed_margin,
        cost,

        -- amounts per order and customer
        aov,
        arpu,
        cac,
        ltv_revenue_simple,
        ltv_revenue_detailed,
        ltv_revenue_gap,
        ltv_margin_simple,
        ltv_margin_detailed,
        ltv_revenue_realised,

        -- rates
        purchase_frequency,
        repeat_purchase_rate,
        churn_rate,
        lifetime_days,
        margin_coverage,
        romi,
        revenue_per_cost,
        romi_margin,
        ltv_to_cac,
        is_ltv_below_cac,
        is_crm_marketing_fit

    from kpi_dimensions

)

select * from final
