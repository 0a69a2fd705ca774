-- Of the latest half-year that has ended, the company, the first channels and the segments
-- whose customers cost more to win than they bring in a life.
{{ config(
    severity="warn", meta={"dagster": {"ref": {"name": "kpi_dimensions"}}}
) }}

with

figures as (

    select * from {{ ref("kpi_dimensions") }}

    where
        period_grain = 'half_year'
        and is_complete

),

latest as (

    select max(period_start) as period_start from figures

),

final as (

    select
        figures.dimension,
        figures.member,
        figures.ltv_revenue_simple,
        figures.cac

    from figures
    inner join latest
        on latest.period_start = figures.period_start

    where figures.is_ltv_below_cac

)

select * from final
