with

orders as (

    select * from {{ ref("int_orders") }}

    where is_paid

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

purchases as (

    select
        customer_ids.customer_id,
        {{ month_start("orders.ordered_on") }} as order_month,
        {{ sum_amount("orders.net_amount_base") }} as net_amount_base

    from orders
    inner join customer_ids
        on customer_ids.source = orders.source
        and customer_ids.export = orders.export
        and customer_ids.record_id = orders.record_id

    group by
        customer_ids.customer_id,
        {{ month_start("orders.ordered_on") }}

),

cohorts as (

    select
        customer_id,
        min(order_month) as cohort_month

    from purchases

    group by customer_id

),

cohort_sizes as (

    select
        cohort_month,
        count(*) as cohort_size

    from cohorts

    group by cohort_month

),

first_months as (

    select min(cohort_month) as first_month

    from cohorts

),

months as (

    {{ month_series(
        "(select first_month from first_months)",
        month_start(as_of_date()),
        "month_start"
    ) }}

),

month_numbers as (

    select {{ months_between_starts("first_months.first_month", "months.month_start") }}
        as month_number

    from months
    cross join first_months

),

activity as (

    select
        cohorts.cohort_month,
        {{ months_between_starts("cohorts.cohort_month", "purchases.order_month") }}
            as month_number,
        count(*) as buyers,
        {{ sum_amount("purchases.net_amount_base") }} as net_revenue

    from purchases
    inner join cohorts
        on cohorts.customer_id = purchases.customer_id

    group by
        cohorts.cohort_month,
        {{ months_between_starts("cohorts.cohort_month", "purchases.order_month") }}

),

grid as (

    -- a month that has not begun is unknown, a month without buyers is zero
    select
        cohort_sizes.cohort_month,
        month_numbers.month_number,
        cohort_sizes.cohort_size,
        month_numbers.month_number <= {{ months_between_starts(
            "cohort_sizes.cohort_month", month_start(as_of_date())
        ) }} as has_begun

    from cohort_sizes
    cross join month_numbers

),

final as (

    select
        grid.cohort_month,
        grid.month_number,
        grid.cohort_size,
        case when grid.has_begun then coalesce(activity.buyers, 0) end as buyers,
        case
            when grid.has_begun
                then {{ ratio("coalesce(activity.buyers, 0)", "grid.cohort_size") }}
        end as retention_rate,
        case
            when grid.has_begun
                then {{ money("coalesce(activity.net_revenue, 0)") }}
        end as net_revenue

    from grid
    left join activity
        on activity.cohort_month = grid.cohort_month
        and activity.month_number = grid.month_number

)

select * from final
