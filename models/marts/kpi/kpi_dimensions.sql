with

kpi_sums as (

    select * from {{ ref("kpi_sums") }}

),

measured as (

    select
        kpi_sums.*,
        case when orders_without_margin = 0 then known_margin end as margin,
        case when orders_without_margin = 0 then attributed_known_margin end
            as attributed_margin,
        case when orders_without_margin_to_date = 0 then known_margin_to_date end
            as margin_to_date,
        cast(lifetime_days_to_date as double) / nullif(customers_to_date, 0) / day_count
            as lifetime_periods,
        is_complete and is_about_customers as has_lifetime

    from kpi_sums

),

valued as (

    select
        measured.*,
        {% for amount in ["revenue", "margin"] -%}
        {%- set total = "cast(net_revenue as double)" if amount == "revenue"
            else "cast(margin as double)" -%}
        case
            when has_lifetime
                then {{ money(
                    "cast(" ~ total ~ " / nullif(buyers, 0) * lifetime_periods"
                    ~ " as decimal(38, 6))"
                ) }}
        end as ltv_{{ amount }}_simple,
        case
            when has_lifetime
                then {{ money(
                    "cast(" ~ total ~ " / nullif(orders_with_revenue, 0)"
                    ~ " * orders / nullif(buyers, 0) * lifetime_periods"
                    ~ " as decimal(38, 6))"
                ) }}
        end as ltv_{{ amount }}_detailed,
        {% endfor -%}
        {{ cac("cost", "new_customers") }} as cac,
        case
            when has_lifetime
                then {{ ratio(
                    "cast(net_revenue as double) / nullif(buyers, 0) * lifetime_periods"
                    ~ " * nullif(new_customers, 0)",
                    "cost"
                ) }}
        end as ltv_to_cac

    from measured

),

final as (

    select
        -- whose, and when
        dimension,
        member,
        period_grain,
        period_start,
        is_complete,

        -- orders and customers
        orders,
        orders - orders_with_revenue as free_orders,
        unpaid_orders,
        buyers,
        new_customers,
        customers_to_date,
        case when is_about_customers then repeat_customers_to_date end
            as repeat_customers_to_date,
        case when is_about_customers then active_customers end as active_customers,
        case when has_lifetime then churned_customers end as churned_customers,

        -- amounts in the base currency
        {{ money("gross_revenue") }} as gross_revenue,
        {{ money("net_revenue") }} as net_revenue,
        {{ money("net_revenue_unassigned") }} as net_revenue_unassigned,
        {{ money("margin") }} as margin,
        {{ money("revenue_to_date") }} as revenue_to_date,
        {{ money("margin_to_date") }} as margin_to_date,
        {{ money("attributed_revenue") }} as attributed_revenue,
        {{ money("attributed_margin") }} as attributed_margin,
        {{ money("cost") }} as cost,

        -- amounts per order and customer
        {{ aov("net_revenue", "orders_with_revenue") }} as aov,
        {{ money_per("net_revenue", "buyers") }} as arpu,
        cac,
        ltv_revenue_simple,
        ltv_revenue_detailed,
        cast(ltv_revenue_detailed - ltv_revenue_simple as decimal(18, 2))
            as ltv_revenue_gap,
        ltv_margin_simple,
        ltv_margin_detailed,
        {{ money_per("revenue_to_date", "customers_to_date") }} as ltv_revenue_realised,

        -- rates
        {{ ratio("orders", "buyers") }} as purchase_frequency,
        case
            when is_about_customers
                then {{ ratio("repeat_customers_to_date", "customers_to_date") }}
        end as repeat_purchase_rate,
        case when has_lifetime then {{ ratio("churned_customers", "active_customers") }} end
            as churn_rate,
        case
            when is_about_customers
                then {{ ratio("lifetime_days_to_date", "customers_to_date") }}
        end as lifetime_days,
        {{ ratio("orders - orders_without_margin", "orders") }} as margin_coverage,
        {{ romi("attributed_revenue", "cost") }} as romi,
        {{ revenue_per_cost("attributed_revenue", "cost") }} as revenue_per_cost,
        {{ romi("attributed_margin", "cost") }} as romi_margin,
        ltv_to_cac,
        ltv_to_cac < 1 as is_ltv_below_cac,
        case
            when is_about_customers and customers_to_date > 0
                then
                    cast(repeat_customers_to_date as double) / customers_to_date
                    >= {{ var("fit_min_repeat_share") }}
        end as is_crm_marketing_fit

    from valued

)

select * from final
