{%- set weights = {
    "last_touch": "case when position = touch_count then 1 else 0 end",
    "first_touch": "case when position = 1 then 1 else 0 end",
    "linear": "1",
    "position_based": "case
            when touch_count <= 2 then 1
            when position in (1, touch_count) then 0.4
            else 0.2 / (touch_count - 2)
        end",
    "time_decay": "power(0.5, seconds_before / (86400.0 * "
        ~ var("attribution_half_life_days") ~ "))",
} -%}
{%- set amounts = [
    ("credit", "1", 6),
    ("revenue", money("orders.net_amount_base"), 2),
    ("margin", money("orders.margin_amount_base"), 2),
] -%}

with

orders as (

    select * from {{ ref("int_customer_orders") }}

    where is_paid

),

touchpoints as (

    select * from {{ ref("int_touchpoints") }}

    where
        channel <> 'direct'
        and not is_continuation

),

windows as (

    select * from {{ ref("attribution_windows") }}

),

candidates as (

    select
        orders.order_id,
        touchpoints.touchpoint_id,
        touchpoints.channel,
        touchpoints.campaign_id,
        touchpoints.happened_at,
        {{ seconds_between("touchpoints.happened_at", "orders.ordered_at") }}
            as seconds_before,
        windows.lookback_days

    from orders
    inner join touchpoints
        on touchpoints.customer_id = orders.customer_id
        and touchpoints.happened_at <= orders.ordered_at
    inner join windows
        on windows.channel = touchpoints.channel

),

numbered as (

    select
        candidates.*,

        row_number() over (
            partition by order_id
            order by happened_at asc, touchpoint_id asc
        ) as position,

        count(*) over (partition by order_id) as touch_count

    from candidates

    where seconds_before <= 86400 * lookback_days

),

weighed as (

    select
        numbered.*,
        {% for model, weight in weights.items() -%}
        cast({{ weight }} as double) as {{ model }}_weight
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from numbered

),

shares as (

    select
        weighed.*,
        {% for model in weights -%}
        sum({{ model }}_weight) over (
            partition by order_id
            order by position asc
            rows between unbounded preceding and current row
        ) as {{ model }}_to_here,
        sum({{ model }}_weight) over (partition by order_id) as {{ model }}_of_order
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from weighed

),

touched as (

    select
        orders.order_id,
        shares.touchpoint_id,
        orders.customer_id,
        orders.source,
        shares.campaign_id,
        shares.channel,
        shares.position as touch_number,
        {% for model in weights -%}
        {% for name, amount, digits in amounts -%}
        {{ share_out(
            amount,
            "shares." ~ model ~ "_to_here",
            "shares." ~ model ~ "_of_order",
            "shares.position = shares.touch_count",
            "partition by shares.order_id order by shares.position asc",
            digits
        ) }} as {{ model }}_{{ name }},
        {% endfor -%}
        {% endfor -%}
        orders.paid_order_number,
        orders.ordered_on,
        shares.happened_at as touched_at

    from shares
    inner join orders
        on orders.order_id = shares.order_id

),

final as (

    select
        -- ids
        order_id,
        touchpoint_id,
        customer_id,
        source,
        campaign_id,

        -- strings
        channel,

        -- numbers
        touch_number,
        {% for model in weights -%}
        {% for name, amount, digits in amounts -%}
        {{ model }}_{{ name }},
        {% endfor -%}
        {% endfor %}
        -- booleans
        coalesce(paid_order_number = 1, false) as is_first_order,

        -- dates and timestamps
        ordered_on,
        touched_at

    from touched

)

select * from final
