with

orders as (

    select * from {{ ref("int_orders") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

assigned as (

    select
        orders.*,
        customer_ids.customer_id,
        {{ month_start("orders.ordered_on") }} as period_start,

        row_number() over (
            partition by customer_ids.customer_id, orders.is_paid
            order by orders.ordered_at asc, orders.order_id asc
        ) as order_number_of_customer

    from orders
    left join customer_ids
        on customer_ids.source = orders.source
        and customer_ids.export = orders.export
        and customer_ids.record_id = orders.record_id

),

paid as (

    -- orders that belong to nobody count in all totals, but their buyer is unknown
    select
        assigned.*,
        customer_id is not null and order_number_of_customer = 1 as is_first_order,
        customer_id is not null and order_number_of_customer = 2 as is_second_order

    from assigned

    where is_paid

),

first_months as (

    select min(period_start) as first_month

    from assigned

),

months as (

    {{ month_series(
        "(select first_month from first_months)",
        month_start(as_of_date()),
        "period_start"
    ) }}

),

monthly as (

    select
        period_start,
        count(*) as orders,
        cast(sum(case when net_amount_base > 0 then 1 else 0 end) as bigint)
            as orders_with_revenue,
        count(distinct customer_id) as buyers,
        cast(sum(case when is_first_order then 1 else 0 end) as bigint)
            as new_customers,
        cast(sum(case when is_second_order then 1 else 0 end) as bigint)
            as new_repeat_customers,
        {{ sum_amount("gross_amount_base") }} as gross_revenue,
        {{ sum_amount("net_amount_base") }} as net_revenue,
        {{ sum_amount("case when customer_id is null then net_amount_base else 0 end") }}
            as net_revenue_unassigned

    from paid

    group by period_start

),

unpaid as (

    select
        period_start,
        count(*) as unpaid_orders

    from assigned

    where not is_paid

    group by period_start

),

complete as (

    select
        months.period_start,
        coalesce(monthly.orders, 0) as orders,
        coalesce(monthly.orders_with_revenue, 0) as orders_with_revenue,
        coalesce(unpaid.unpaid_orders, 0) as unpaid_orders,
        coalesce(monthly.buyers, 0) as buyers,
        coalesce(monthly.new_customers, 0) as new_customers,
        coalesce(monthly.new_repeat_customers, 0) as new_repeat_customers,
        coalesce(monthly.gross_revenue, 0) as gross_revenue,
        coalesce(monthly.net_revenue, 0) as net_revenue,
        coalesce(monthly.net_revenue_unassigned, 0) as net_revenue_unassigned

    from months
    left join monthly
        on monthly.period_start = months.period_start
    left join unpaid
        on unpaid.period_start = months.period_start

    where months.period_start is not null

),

to_date as (

    select
        complete.*,
        cast(
            sum(new_customers) over (
                order by period_start rows between unbounded preceding and current row
            ) as bigint
        ) as customers_to_date,
        cast(
            sum(new_repeat_customers) over (
                order by period_start rows between unbounded preceding and current row
            ) as bigint
        ) as repeat_customers_to_date

    from complete

),

final as (

    select
        -- period
        'month' as period_grain,
        period_start,

        -- counts
        orders,
        orders - orders_with_revenue as free_orders,
        unpaid_orders,
        buyers,
        new_customers,
        customers_to_date,
        repeat_customers_to_date,

        -- amounts in the base currency
        {{ money("gross_revenue") }} as gross_revenue,
        {{ money("net_revenue") }} as net_revenue,
        {{ money("net_revenue_unassigned") }} as net_revenue_unassigned,
        {{ money_per("net_revenue", "orders_with_revenue") }} as aov,
        {{ money_per("net_revenue", "buyers") }} as arpu,

        -- rates
        {{ ratio("orders", "buyers") }} as purchase_frequency,
        {{ ratio("repeat_customers_to_date", "customers_to_date") }}
            as repeat_purchase_rate

    from to_date

)

select * from final
