with

figures as (

    select * from {{ source("kpi_history", "figures") }}

),

final as (

    select
        -- whose, and when
        dimension,
        member,
        period_grain,
        period_start,

        -- figures
        orders,
        free_orders,
        unpaid_orders,
        buyers,
        new_customers,
        customers_to_date,
        repeat_customers_to_date,
        active_customers,
        churned_customers,
        gross_revenue,
        net_revenue,
        net_revenue_unassigned,
        margin,
        revenue_to_date,
        margin_to_date,
        attributed_revenue,
        attributed_margin,
        cost,
        aov,
        arpu,
        cac,
        ltv_revenue_simple,
        ltv_revenue_detailed,
        ltv_revenue_gap,
        ltv_margin_simple,
        ltv_margin_detailed,
        ltv_revenue_realised,
        purchase_frequency,
        repeat_purchase_rate,
        churn_rate,
        lifetime_days,
        margin_coverage,
        romi,
        revenue_per_cost,
        romi_margin,
        ltv_to_cac

    from figures

)

select * from final
