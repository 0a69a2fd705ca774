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

company as (

    select figures.*

    from figures
    inner join latest
        on latest.period_start = figures.period_start

    where figures.dimension = 'company'

),

members as (

    select
        figures.dimension,
        figures.member,
        figures.period_start,
        figures.ltv_revenue_simple,
        -- no cost is told of a segment: its customers are won at what the company pays
        case when figures.dimension = 'segment' then company.cac else figures.cac end
            as cac

    from figures
    inner join company
        on company.period_start = figures.period_start

    where figures.dimension in ('company', 'first_channel', 'segment')

),

compared as (

    select
        members.*,
        {{ ratio("ltv_revenue_simple", "cac") }} as ltv_to_cac

    from members

),

final as (

    select
        dimension,
        member,
        period_start,
        ltv_revenue_simple,
        cac,
        ltv_to_cac,
        case
            when ltv_to_cac is null then 'unknown'
            when ltv_revenue_simple < cac then 'below_cac'
            when ltv_to_cac < {{ var("min_ltv_to_cac") }} then 'below_margin'
            else 'healthy'
        end as verdict

    from compared

)

select * from final
