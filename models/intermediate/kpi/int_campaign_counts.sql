with

send_days as (

    select * from {{ ref("int_send_days") }}

    where campaign_id <> 'none'

),

clicked_sends as (

    select * from {{ ref("int_sends") }}

    where
        campaign_id is not null
        and clicked_at is not null

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

acquired as (

    -- who was no customer yet, clicked, and bought within the channel's window
    select
        clicked_sends.channel,
        clicked_sends.campaign_id,
        count(distinct clicked_sends.customer_id) as acquired_customers

    from clicked_sends
    inner join orders
        on orders.customer_id = clicked_sends.customer_id
        and orders.ordered_at > clicked_sends.sent_at
        and orders.ordered_at >= clicked_sends.clicked_at
    inner join windows
        on windows.channel = clicked_sends.channel

    where
        {{ seconds_between("clicked_sends.clicked_at", "orders.ordered_at") }}
        <= 86400 * windows.lookback_days

    group by
        clicked_sends.channel,
        clicked_sends.campaign_id

),

counted as (

    select
        channel,
        campaign_id,
        min(sent_on) as first_sent_on,
        cast(sum(sent) as bigint) as sent,
        cast(sum(delivered) as bigint) as delivered,
        cast(sum(opened) as bigint) as opened,
        cast(sum(clicked) as bigint) as clicked

    from send_days

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
        coalesce(acquired.acquired_customers, 0) as acquired_customers,
        spent.cost

    from counted
    left join acquired
        on acquired.channel = counted.channel
        and acquired.campaign_id = counted.campaign_id
    left join spent
        on spent.channel = counted.channel
        and spent.campaign_id = counted.campaign_id

)

select * from final
