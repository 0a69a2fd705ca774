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
{%- set in_order -%}
    partition by order_id, attribution_model order by position asc
{%- endset -%}

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

    {% for model, weight in weights.items() -%}
    select
        numbered.*,
        '{{ model }}' as attribution_model,
        cast({{ weight }} as double) as weight

    from numbered

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

shares as (

    select
        weighed.*,

        sum(weight) over (
            {{ in_order }} rows between unbounded preceding and current row
        ) as weight_to_here,

        sum(weight) over (partition by order_id, attribution_model) as weight_of_order

    from weighed

),

credited as (

    select
        shares.order_id,
        shares.attribution_model,
        shares.position as touch_number,
        shares.touchpoint_id,
        shares.channel,
        shares.campaign_id,
        shares.happened_at as touched_at,
        {% for amount, name, digits in [
            ("1", "credit", 6),
            (money("orders.net_amount_base"), "attributed_revenue", 2),
            (money("orders.margin_amount_base"), "attributed_margin", 2),
        ] -%}
        {{ share_out(
            amount,
            "shares.weight_to_here",
            "shares.weight_of_order",
            "shares.position = shares.touch_count",
            "partition by shares.order_id, shares.attribution_model"
            ~ " order by shares.position asc",
            digits
        ) }} as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from shares
    inner join orders
        on orders.order_id = shares.order_id

),

touched_orders as (

    select
        order_id,
        count(*) as touch_count

    from numbered

    group by order_id

),

untouched as (

    -- of orders that are nobody's, nothing is known that came before
    select
        orders.order_id,
        0 as touch_number,
        cast(null as {{ dbt.type_string() }}) as touchpoint_id,
        case when orders.customer_id is null then 'unassigned' else 'direct' end
            as channel,
        cast(null as {{ dbt.type_string() }}) as campaign_id,
        cast(null as timestamp) as touched_at,
        cast(1 as decimal(18, 6)) as credit,
        {{ money("orders.net_amount_base") }} as attributed_revenue,
        {{ money("orders.margin_amount_base") }} as attributed_margin

    from orders
    left join touched_orders
        on touched_orders.order_id = orders.order_id

    where touched_orders.order_id is null

),

credits as (

    select
        order_id,
        attribution_model,
        touch_number,
        touchpoint_id,
        channel,
        campaign_id,
        touched_at,
        credit,
        attributed_revenue,
        attributed_margin

    from credited

    where credit > 0

    {% for model in weights %}
    union all

    select
        order_id,
        '{{ model }}' as attribution_model,
        touch_number,
        touchpoint_id,
        channel,
        campaign_id,
        touched_at,
        credit,
        attributed_revenue,
        attributed_margin

    from untouched
    {% endfor %}

),

final as (

    select
        -- ids
        credits.order_id,
        credits.touchpoint_id,
        orders.customer_id,
        orders.source,
        credits.campaign_id,

        -- strings
        credits.attribution_model,
        credits.channel,

        -- numbers
        credits.touch_number,
        credits.credit,
        credits.attributed_revenue,
        credits.attributed_margin,

        -- booleans
        coalesce(orders.paid_order_number = 1, false) as is_first_order,

        -- dates and timestamps
        orders.ordered_on,
        credits.touched_at

    from credits
    inner join orders
        on orders.order_id = credits.order_id

)

select * from final
