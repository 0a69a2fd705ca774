{#- what adds up day by day; a ratio at the end is taken to be what it is now -#}
{%- set sums = [
    "orders", "unpaid_orders", "new_customers", "gross_revenue", "net_revenue", "margin",
    "attributed_revenue", "attributed_margin", "cost",
] -%}
{%- set levels = [
    "buyers", "customers_to_date", "aov", "arpu", "cac", "purchase_frequency",
    "repeat_purchase_rate", "churn_rate", "ltv_revenue_simple", "ltv_margin_simple",
    "ltv_revenue_realised", "romi", "revenue_per_cost", "romi_margin", "ltv_to_cac",
] -%}
{%- set lower_is_better = ["unpaid_orders", "cost", "cac", "churn_rate"] -%}

with

targets as (

    select * from {{ ref("kpi_targets") }}

),

figures as (

    select * from {{ ref("kpi_dimensions") }}

),

periods as (

    select * from {{ ref("int_periods") }}

),

compared as (

    select
        targets.metric,
        targets.dimension,
        targets.member,
        targets.period_grain,
        targets.period_start,
        targets.target,
        targets.metric in ('{{ sums | join("', '") }}') as is_sum,
        targets.metric in ('{{ lower_is_better | join("', '") }}') as is_lower_better,
        case targets.metric
            {% for metric in sums + levels -%}
            when '{{ metric }}' then cast(figures.{{ metric }} as double)
            {% endfor -%}
        end as actual,
        cast(
            least(
                {{ days_between("targets.period_start", as_of_date()) }} + 1,
                periods.day_count
            ) as double
        ) / periods.day_count as elapsed_share

    from targets
    left join figures
        on figures.dimension = targets.dimension
        and figures.member = targets.member
        and figures.period_grain = targets.period_grain
        and figures.period_start = targets.period_start
    left join periods
        on periods.period_grain = targets.period_grain
        and periods.period_start = targets.period_start

),

expected as (

    select
        compared.*,
        case when is_sum then actual / elapsed_share else actual end as run_rate_at_end

    from compared

),

final as (

    select
        metric,
        dimension,
        member,
        period_grain,
        period_start,
        target,
        cast(round(actual, 6) as decimal(18, 6)) as actual,
        cast(round(actual - target, 6) as decimal(18, 6)) as variance,
        {{ ratio("actual - target", "target") }} as variance_share,
        cast(round(elapsed_share, 6) as decimal(18, 6)) as elapsed_share,
        cast(round(run_rate_at_end, 6) as decimal(18, 6)) as run_rate_at_end,
        case
            when is_lower_better
                then run_rate_at_end > target * (1 + {{ var("plan_tolerance") }})
            else run_rate_at_end < target * (1 - {{ var("plan_tolerance") }})
        end as is_off_track

    from expected

)

select * from final
