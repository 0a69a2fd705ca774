with

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number is not null

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

segment_members as (

    select * from {{ ref("segment_members") }}

),

purchases as (

    select
        customer_id,
        {{ month_start("ordered_on") }} as order_month,
        count(*) as orders,
        {{ sum_amount("net_amount_base") }} as net_amount_base

    from orders

    group by
        customer_id,
        {{ month_start("ordered_on") }}

),

members as (

    {% for dimension, member in [
        ("company", "'company'"),
        ("first_source", "first_source"),
        ("first_channel", "first_channel"),
        ("country", "coalesce(country, 'unknown')"),
    ] -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        customer_id,
        {{ month_start("first_order_on") }} as cohort_month

    from buyers

    union all

    {% endfor -%}
    select
        'segment' as dimension,
        segment_members.segment as member,
        buyers.customer_id,
        {{ month_start("buyers.first_order_on") }} as cohort_month

    from buyers
    inner join segment_members
        on segment_members.customer_id = buyers.customer_id

),

cohort_sizes as (

    select
        dimension,
        member,
        cohort_month,
        count(*) as cohort_size

    from members

    group by
        dimension,
        member,
        cohort_month

),

first_months as (

    select min(cohort_month) as first_month

    from cohort_sizes

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
        members.dimension,
        members.member,
        members.cohort_month,
        {{ months_between_starts("members.cohort_month", "purchases.order_month") }}
            as month_number,
        count(*) as buyers,
        cast(sum(purchases.orders) as bigint) as orders,
        {{ sum_amount("purchases.net_amount_base") }} as net_revenue

    from purchases
    inner join members
        on members.customer_id = purchases.customer_id

    group by
        members.dimension,
        members.member,
        members.cohort_month,
        {{ months_between_starts("members.cohort_month", "purchases.order_month") }}

),

grid as (

    -- a month that has not begun is unknown, a month without buyers is zero
    select
        cohort_sizes.dimension,
        cohort_sizes.member,
        cohort_sizes.cohort_month,
        month_numbers.month_number,
        cohort_sizes.cohort_size,
        month_numbers.month_number <= {{ months_between_starts(
            "cohort_sizes.cohort_month", month_start(as_of_date())
        ) }} as has_begun

    from cohort_sizes
    cross join month_numbers

),

filled as (

    select
        grid.*,
        case when grid.has_begun then coalesce(activity.buyers, 0) end as buyers,
        case when grid.has_begun then coalesce(activity.orders, 0) end as orders,
        case when grid.has_begun then coalesce(activity.net_revenue, 0) end as net_revenue

    from grid
    left join activity
        on activity.dimension = grid.dimension
        and activity.member = grid.member
        and activity.cohort_month = grid.cohort_month
        and activity.month_number = grid.month_number

),

summed as (

    select
        filled.*,

        sum(case when month_number = 0 then net_revenue end) over (
            partition by dimension, member, cohort_month
        ) as first_revenue,

        cast(
            sum(net_revenue) over (
                partition by dimension, member, cohort_month
                order by month_number asc
                rows between unbounded preceding and current row
            ) as decimal(38, 6)
        ) as revenue_to_date

    from filled

),

final as (

    select
        dimension,
        member,
        cohort_month,
        month_number,
        cohort_size,
        buyers,
        orders,
        {{ ratio("buyers", "cohort_size") }} as retention_rate,
        {{ money("net_revenue") }} as net_revenue,
        {{ ratio("net_revenue", "first_revenue") }} as revenue_retention_rate,
        case when has_begun then {{ money("revenue_to_date") }} end as revenue_to_date,
        case when has_begun then {{ money_per("revenue_to_date", "cohort_size") }} end
            as revenue_per_customer

    from summed

)

select * from final
