with

page_views as (

    select * from {{ ref("stg_site__page_views") }}

    where {{ business_day("happened_at") }} <= {{ as_of_date() }}

),

ga4_events as (

    select * from {{ ref("stg_ga4__events") }}

    where {{ business_day("happened_at") }} <= {{ as_of_date() }}

),

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

events as (

    select
        'site' as funnel,
        'site' as member,
        visitor_id as actor,
        1 as step_number,
        happened_at

    from page_views

    union all

    select
        'site' as funnel,
        'site' as member,
        visitor_id as actor,
        case
            when event_kind = 'purchase' then 5
            when event_kind = 'checkout' then 4
            when event_kind = 'add_to_cart' then 3
            else 2
        end as step_number,
        happened_at

    from page_views

    where
        event_kind in ('purchase', 'checkout', 'add_to_cart')
        or (event_kind = 'page_view' and sku is not null)

    union all

    select
        'site' as funnel,
        'ga4' as member,
        client_id as actor,
        1 as step_number,
        happened_at

    from ga4_events

    union all

    select
        'site' as funnel,
        'ga4' as member,
        client_id as actor,
        case event_name
            when 'purchase' then 5
            when 'begin_checkout' then 4
            when 'add_to_cart' then 3
            else 2
        end as step_number,
        happened_at

    from ga4_events

    where
        event_name in ('purchase', 'begin_checkout', 'add_to_cart', 'view_item')
        or (
            event_name = 'page_view'
            and {{ matches("page_location", "/(p|product|products)/") }}
        )

),

-- a click implies an opening that nothing showed, and both an arrival
message_steps as (

    select
        sends.send_id,
        sends.channel,
        sends.sent_on,
        sends.sent_at,
        coalesce(sends.delivered_at, sends.opened_at, sends.clicked_at) as delivered_at,
        coalesce(sends.opened_at, sends.clicked_at) as opened_at,
        sends.clicked_at,
        min(
            case
                when {{ seconds_between("sends.clicked_at", "orders.ordered_at") }}
                    <= 86400 * windows.lookback_days then orders.ordered_at
            end
        ) as ordered_at

    from sends
    left join orders
        on orders.customer_id = sends.customer_id
        and orders.ordered_at >= sends.clicked_at
    left join windows
        on windows.channel = sends.channel

    group by
        sends.send_id,
        sends.channel,
        sends.sent_on,
        sends.sent_at,
        sends.delivered_at,
        sends.opened_at,
        sends.clicked_at

),

message_events as (

    {% for step in ["sent_at", "delivered_at", "opened_at", "clicked_at", "ordered_at"] -%}
    select
        'messages' as funnel,
        channel as member,
        send_id as actor,
        {{ loop.index }} as step_number,
        {{ month_start("sent_on") }} as month_start,
        {{ step }} as happened_at

    from message_steps

    where {{ step }} is not null

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        funnel,
        member,
        actor,
        step_number,
        {{ month_start(business_day("happened_at")) }} as month_start,
        happened_at

    from events

    where actor is not null

    group by
        funnel,
        member,
        actor,
        step_number,
        {{ month_start(business_day("happened_at")) }},
        happened_at

    union all

    select
        funnel,
        member,
        actor,
        step_number,
        month_start,
        happened_at

    from message_events

)

select * from final
