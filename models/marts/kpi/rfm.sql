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
        count(*) as frequency,
        {{ sum_amount("orders.net_amount_base") }} as monetary_amount,
        min(orders.ordered_on) as first_order_on,
        max(orders.ordered_on) as last_order_on

    from orders
    inner join customer_ids
        on customer_ids.source = orders.source
        and customer_ids.export = orders.export
        and customer_ids.record_id = orders.record_id

    group by customer_ids.customer_id

),

aged as (

    select
        purchases.*,
        {{ days_between("last_order_on", as_of_date()) }} as recency_days,
        {{ days_between("first_order_on", as_of_date()) }} as age_days

    from purchases

),

-- equal values share a rank, so that the score never depends on the order of rows
ranked as (

    select
        aged.*,
        rank() over (order by recency_days desc) as recency_rank,
        rank() over (order by frequency asc) as frequency_rank,
        rank() over (order by monetary_amount asc) as monetary_rank,
        count(*) over () as customer_count

    from aged

),

final as (

    select
        customer_id,
        case
            when age_days <= {{ var("new_days") }} then 'new'
            when recency_days <= {{ var("active_days") }} then 'active'
            when recency_days <= {{ var("lapsing_days") }} then 'lapsing'
            else 'lapsed'
        end as lifecycle_stage,
        cast(recency_days as integer) as recency_days,
        frequency,
        {{ money("monetary_amount") }} as monetary_amount,
        {{ quintile("recency_rank", "customer_count") }} as recency_score,
        {{ quintile("frequency_rank", "customer_count") }} as frequency_score,
        {{ quintile("monetary_rank", "customer_count") }} as monetary_score,
        first_order_on,
        last_order_on

    from ranked

)

select * from final
