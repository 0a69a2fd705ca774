with

rfm as (

    select * from {{ ref("rfm") }}

),

orders as (

    select * from {{ ref("orders") }}

    where
        is_paid
        and customer_id <> 'unassigned'

),

order_days as (

    select
        customer_id,
        ordered_on,
        lag(ordered_on) over (
            partition by customer_id
            order by ordered_on, order_id
        ) as previous_order_on

    from orders

),

-- since when there was no pause: an order on the day after the last active one is none
active_since as (

    select
        customer_id,
        max(
            case
                when
                    previous_order_on is null
                    or {{ days_between("previous_order_on", "ordered_on") }}
                    > {{ var("active_days") }} + 1
                    then ordered_on
            end
        ) as active_since_on

    from order_days

    group by customer_id

),

lifecycle as (

    select
        rfm.lifecycle_stage as segment,
        rfm.customer_id,
        case rfm.lifecycle_stage
            when 'new' then rfm.first_order_on
            when 'active'
                then greatest(
                    active_since.active_since_on,
                    {{ days_after("rfm.first_order_on", var("new_days") ~ " + 1") }}
                )
            when 'lapsing'
                then {{ days_after("rfm.last_order_on", var("active_days") ~ " + 1") }}
            else {{ days_after("rfm.last_order_on", var("lapsing_days") ~ " + 1") }}
        end as entered_on

    from rfm
    inner join active_since
        on active_since.customer_id = rfm.customer_id

),

champions as (

    -- membership depends on all other customers: dated by the latest purchase
    select
        'champions' as segment,
        customer_id,
        last_order_on as entered_on

    from rfm

    where
        recency_score >= 4
        and frequency_score >= 4
        and monetary_score >= 4

),

final as (

    select * from lifecycle
    union all
    select * from champions

)

select * from final
