{%- set grains = ["week", "month", "quarter", "half_year", "year"] -%}

with

send_days as (

    select * from {{ ref("int_send_days") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

),

channels as (

    select * from {{ ref("channels") }}

    where is_contact_channel

),

credits as (

    select * from {{ ref("int_touch_credits") }}

    where last_touch_credit > 0

),

orders as (

    select * from {{ ref("int_orders") }}

    where is_paid

),

days as (

    select
        channel,
        sent_on as day,
        sum(sent) as sent,
        sum(delivered) as delivered,
        sum(opened) as opened,
        sum(clicked) as clicked,
        cast(null as decimal(38, 6)) as cost,
        cast(null as decimal(38, 6)) as discount

    from send_days

    group by
        channel,
        sent_on

    union all

    select
        channel,
        cost_on as day,
        0 as sent,
        0 as delivered,
        0 as opened,
        0 as clicked,
        {{ sum_amount("cost_amount_base") }} as cost,
        cast(null as decimal(38, 6)) as discount

    from costs

    group by
        channel,
        cost_on

    union all

    -- what orders after a touch of the channel were discounted by
    select
        credits.channel,
        credits.ordered_on as day,
        0 as sent,
        0 as delivered,
        0 as opened,
        0 as clicked,
        cast(null as decimal(38, 6)) as cost,
        {{ sum_amount("orders.discount_amount * orders.fx_rate") }} as discount

    from credits
    inner join channels
        on channels.channel = credits.channel
    inner join orders
        on orders.order_id = credits.order_id

    group by
        credits.channel,
        credits.ordered_on

),

periods as (

    {% for grain in grains -%}
    select
        days.channel,
        '{{ grain }}' as period_grain,
        {{ period_start("days.day", grain) }} as period_start,
        cast(sum(days.sent) as bigint) as sent,
        cast(sum(days.delivered) as bigint) as delivered,
        cast(sum(days.opened) as bigint) as opened,
        cast(sum(days.clicked) as bigint) as clicked,
        {{ sum_amount("days.cost") }} as cost,
        {{ sum_amount("days.discount") }} as discount

    from days
    inner join channels
        on channels.channel = days.channel

    group by
        days.channel,
        {{ period_start("days.day", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        channel,
        period_grain,
        period_start,
        sent,
        delivered,
        opened,
        clicked,
        {{ money("cost") }} as cost,
        {{ money("coalesce(discount, 0)") }} as discount_amount,
        {{ money_per_share("(cost + coalesce(discount, 0))", "delivered") }}
            as cost_per_contact,
        {{ ratio("delivered", "sent") }} as delivery_rate,
        {{ ratio("opened", "delivered") }} as open_rate,
        {{ ratio("clicked", "delivered") }} as click_rate

    from periods

)

select * from final
