with

cohort_dimensions as (

    select * from {{ ref("cohort_dimensions") }}

    where dimension = 'company'

),

final as (

    select
        cohort_month,
        month_number,
        cohort_size,
        buyers,
        orders,
        retention_rate,
        net_revenue,
        revenue_retention_rate,
        revenue_to_date,
        revenue_per_customer

    from cohort_dimensions

)

select * from final
