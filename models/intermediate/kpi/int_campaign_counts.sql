with

sends as (

    select * from {{ ref("int_sends") }}

    where campaign_id is not null

),

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number = 1

),

windows as (

    select * from {{ ref("attribution_windows") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

    where campaign_id is not null

),

answered as (

    select
        sends.*,
        -- who was no customer yet, clicked, and bought within the channel's window
        case
            when
                orders.ordered_at > sends.sent_at
                and orders.ordered_at >= sends.clicked_at
                and {{ seconds_between("sends.clicked_at", "orders.ordered_at") }}
                <= 86400 * windows.lookback_days
                then sends.customer_id
        end as acquired_customer_id

    from sends
    left join orders
        on orders.customer_id = sends.customer_id
    left join windows
        on windows.channel = sends.channel

),

counted as (

    select
        channel,
        campaign_id,
        min(sent_on) as first_sent_on,
        count(*) as sent,
        count(delivered_at) as delivered,
        count(opened_at) as opened,
        count(clicked_at) as clicked,
        count(distinct acquired_customer_id) as acquired_customers

    from answered

    group by
        channel,
        campaign_id

),

spent as (

    select
        channel,
        campaign_id,
        {{ sum_amount("cost_amount_base") }} as cost

    from costs

    group by
        channel,
        campaign_id

),

final as (

    select
        counted.channel,
        counted.campaign_id,
        counted.first_sent_on,
        counted.sent,
        counted.delivered,
        counted.opened,
        counted.clicked,
        counted.acquired_customers,
        spent.cost

    from counted
    left join spent
        on spent.channel = counted.channel
        and spent.campaign_id = counted.campaign_id

)

select * from final
