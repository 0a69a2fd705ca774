{%- set grains = ["week", "month", "quarter", "half_year", "year"] -%}

with

loyalty_members as (

    select * from {{ ref("int_loyalty_members") }}

),

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number is not null

),

periods as (

    select * from {{ ref("int_periods") }}

    where period_grain <> 'day'

),

first_days as (

    select min(period_start) as first_day

    from {{ ref("int_periods") }}

    where period_grain = 'day'

),

members as (

    -- who joined or left before the first order did so in the first period
    select
        loyalty_members.customer_id,
        greatest(loyalty_members.joined_on, first_days.first_day) as joined_on,
        case
            when loyalty_members.left_on is not null
                then greatest(loyalty_members.left_on, first_days.first_day)
        end as left_on

    from loyalty_members
    cross join first_days

),

orders_of_members as (

    select
        orders.*,
        members.joined_on <= orders.ordered_on
        and coalesce(members.left_on > orders.ordered_on, true) as is_of_member

    from orders
    inner join members
        on members.customer_id = orders.customer_id

),

member_orders as (

    -- who never was a member did nothing but what others do
    select
        orders.ordered_on,
        orders.net_amount_base,
        orders.previous_ordered_on,
        false as is_of_member

    from orders
    left join members
        on members.customer_id = orders.customer_id

    where members.customer_id is null

    union all

    select
        ordered_on,
        net_amount_base,
        lag(ordered_on) over (
            partition by customer_id, is_of_member
            order by paid_order_number asc
        ) as previous_ordered_on,
        is_of_member

    from orders_of_members

),

daily_orders as (

    -- a buyer counts with the first order of a kind in a period
    select
        ordered_on,
        is_of_member,
        count(*) as orders,
        count(case when net_amount_base > 0 then 1 end) as orders_with_revenue,
        {% for grain in grains -%}
        count(
            case
                when
                    coalesce(
                        previous_ordered_on < {{ period_start("ordered_on", grain) }},
                        true
                    )
                    then 1
            end
        ) as buyers_of_{{ grain }},
        {% endfor -%}
        {{ sum_amount("net_amount_base") }} as revenue

    from member_orders

    group by
        ordered_on,
        is_of_member

),

order_periods as (

    {% for grain in grains -%}
    select
        '{{ grain }}' as period_grain,
        {{ period_start("ordered_on", grain) }} as period_start,
        {% for kind, condition in [
            ("member", "is_of_member"), ("other", "not is_of_member")
        ] -%}
        {% for column, counted in [
            ("orders", "orders"),
            ("orders_with_revenue", "orders_with_revenue"),
            ("buyers", "buyers_of_" ~ grain),
        ] -%}
        cast(sum(case when {{ condition }} then {{ counted }} else 0 end) as bigint)
            as {{ kind }}_{{ column }},
        {% endfor -%}
        {{ sum_amount("case when " ~ condition ~ " then revenue end") }}
            as {{ kind }}_revenue
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from daily_orders

    group by {{ period_start("ordered_on", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

{% for kind in ["joined", "left"] -%}
{{ kind }}_members as (

    {% for grain in grains -%}
    select
        '{{ grain }}' as period_grain,
        {{ period_start(kind ~ "_on", grain) }} as period_start,
        count(*) as members

    from members

    where {{ kind }}_on is not null

    group by {{ period_start(kind ~ "_on", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

{% endfor -%}
complete as (

    select
        periods.period_grain,
        periods.period_start,
        coalesce(joined_members.members, 0) as joins,
        coalesce(left_members.members, 0) as leaves,
        {% for kind in ["member", "other"] -%}
        coalesce(order_periods.{{ kind }}_orders, 0) as {{ kind }}_orders,
        coalesce(order_periods.{{ kind }}_orders_with_revenue, 0)
            as {{ kind }}_orders_with_revenue,
        coalesce(order_periods.{{ kind }}_buyers, 0) as {{ kind }}_buyers,
        coalesce(order_periods.{{ kind }}_revenue, 0) as {{ kind }}_revenue
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from periods
    left join joined_members
        on joined_members.period_grain = periods.period_grain
        and joined_members.period_start = periods.period_start
    left join left_members
        on left_members.period_grain = periods.period_grain
        and left_members.period_start = periods.period_start
    left join order_periods
        on order_periods.period_grain = periods.period_grain
        and order_periods.period_start = periods.period_start

),

final as (

    select
        period_grain,
        period_start,
        cast(
            sum(joins - leaves) over (
                partition by period_grain
                order by period_start asc
                rows between unbounded preceding and current row
            ) as bigint
        ) as members,
        joins,
        leaves,
        {% for kind in ["member", "other"] -%}
        {{ kind }}_orders,
        {{ kind }}_buyers,
        {{ money(kind ~ "_revenue") }} as {{ kind }}_revenue,
        {{ aov(kind ~ "_revenue", kind ~ "_orders_with_revenue") }} as {{ kind }}_aov,
        {{ ratio(kind ~ "_orders", kind ~ "_buyers") }} as {{ kind }}_purchase_frequency
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from complete

)

select * from final
