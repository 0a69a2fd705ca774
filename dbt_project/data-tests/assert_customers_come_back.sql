-- A company whose customers never come back gets little from CRM marketing: repeat buyers
-- up to the as-of date are less than fit_min_repeat_share of all.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "kpi_company"}}}) }}

with

years as (

    select * from {{ ref("kpi_company") }}

    where period_grain = 'year'

),

latest as (

    select max(period_start) as period_start from years

),

final as (

    select
        years.customers_to_date,
        years.repeat_customers_to_date,
        years.repeat_purchase_rate

    from years
    inner join latest
        on latest.period_start = years.period_start

    where not years.is_crm_marketing_fit

)

select * from final
