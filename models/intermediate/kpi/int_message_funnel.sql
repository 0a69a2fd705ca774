with

send_days as (

    select * from {{ ref("int_send_days") }}

),

clicked_sends as (

    select * from {{ ref("int_sends") }}

    where is_clicked

),

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number is not null

),

windows as (

    select * from {{ ref("attribution_windows") }}

),

ordered as (

    select
        clicked_sends.send_id,
        clicked_sends.channel,
        {{ month_start("clicked_sends.sent_on") }} as month_start

    from clicked_sends
    inner join windows
        on windows.channel = clicked_sends.channel
    inner join orders
        on orders.customer_id = clicked_sends.customer_id
        and orders.ordered_at >= clicked_sends.clicked_at

    where
        {{ seconds_between("clicked_sends.clicked_at", "orders.ordered_at") }}
        <= 86400 * windows.lookback_days

    group by
        clicked_sends.send_id,
        clicked_sends.channel,
        {{ month_start("clicked_sends.sent_on") }}

),

ordered_months as (

    select
        channel,
        month_start,
        count(*) as ordered

    from ordered

    group by
        channel,
        month_start

),

months as (

    select
        channel,
        {{ month_start("sent_on") }} as month_start,
        cast(sum(sent) as bigint) as sent,
        cast(sum(delivered_in_order) as bigint) as delivered,
        cast(sum(opened_in_order) as bigint) as opened,
        cast(sum(clicked_in_order) as bigint) as clicked

    from send_days

    group by
        channel,
        {{ month_start("sent_on") }}

),

final as (

    select
        months.channel,
        months.month_start,
        months.sent,
        months.delivered,
        months.opened,
        months.clicked,
        coalesce(ordered_months.ordered, 0) as ordered

    from months
    left join ordered_months
        on ordered_months.channel = months.channel
        and ordered_months.month_start = months.month_start

)

select * from final
