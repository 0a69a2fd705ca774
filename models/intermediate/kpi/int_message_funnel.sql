with

sends as (

    select * from {{ ref("int_sends") }}

),

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number is not null

),

windows as (

    select * from {{ ref("attribution_windows") }}

),

ordered as (

    select sends.send_id

    from sends
    inner join windows
        on windows.channel = sends.channel
    inner join orders
        on orders.customer_id = sends.customer_id
        and orders.ordered_at >= sends.clicked_at

    where
        {{ seconds_between("sends.clicked_at", "orders.ordered_at") }}
        <= 86400 * windows.lookback_days

    group by sends.send_id

),

-- a click implies an opening that nothing showed, and both an arrival
steps as (

    select
        sends.channel,
        sends.sent_on,
        sends.sent_at,
        coalesce(sends.delivered_at, sends.opened_at, sends.clicked_at) as delivered_at,
        coalesce(sends.opened_at, sends.clicked_at) as opened_at,
        sends.clicked_at,
        ordered.send_id is not null as is_ordered

    from sends
    left join ordered
        on ordered.send_id = sends.send_id

),

reached as (

    -- each step after the one before it
    select
        steps.*,
        coalesce(delivered_at >= sent_at, false) as is_delivered,
        coalesce(delivered_at >= sent_at and opened_at >= delivered_at, false)
            as is_opened,
        coalesce(
            delivered_at >= sent_at
            and opened_at >= delivered_at
            and clicked_at >= opened_at,
            false
        ) as is_clicked

    from steps

),

final as (

    select
        channel,
        {{ month_start("sent_on") }} as month_start,
        count(*) as sent,
        count(case when is_delivered then 1 end) as delivered,
        count(case when is_opened then 1 end) as opened,
        count(case when is_clicked then 1 end) as clicked,
        count(case when is_clicked and is_ordered then 1 end) as ordered

    from reached

    group by
        channel,
        {{ month_start("sent_on") }}

)

select * from final
