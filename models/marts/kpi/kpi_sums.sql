{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}
{%- set order_counts = [
    "orders", "orders_with_revenue", "orders_without_margin", "unpaid_orders",
    "new_customers", "new_repeat_customers",
] -%}
{%- set order_amounts = [
    "gross_revenue", "net_revenue", "net_revenue_unassigned", "attributed_revenue",
    "known_margin", "attributed_known_margin",
] -%}
{#- what orders are counted by, and which day of an order before a buyer is counted once by -#}
{%- set order_facts = {
    "profile": (["source", "country", "first_channel", "segment_set"], {
        "buyers": "previous_ordered_on",
        "buyers_in_source": "previous_ordered_on_in_source",
    }),
    "offer": (["offer"], {"buyers": "previous_ordered_on_with_code"}),
} -%}
{#- from which of them a dimension comes, its member, and its buyers -#}
{%- set order_dimensions = [
    ("company", "profile", "'company'", "buyers"),
    ("source", "profile", "source", "buyers_in_source"),
    ("country", "profile", "country", "buyers"),
    ("first_channel", "profile", "first_channel", "buyers"),
    ("offer", "offer", "offer", "buyers"),
    ("segment", "profile", "segments.segment", "buyers"),
] -%}
{#- what is told of customers: counts by day, with the number of a grain where they count
    for its periods alone, and the period that a day counts in -#}
{%- set customer_facts = {
    "lifetimes": (["lifetime_days"], false, period_start),
    "arrivals": (["came"], true, next_period_start),
    "departures": (["went", "churned"], true, period_start),
} -%}
{#- whom a customer belongs to -#}
{%- set customer_dimensions = [
    ("company", "'company'"), ("country", "country"), ("first_channel", "first_channel"),
    ("segment", "segments.segment"),
] -%}
{%- set to_date = {
    "customers_to_date": "new_customers",
    "repeat_customers_to_date": "new_repeat_customers",
    "lifetime_days_to_date": "lifetime_days",
    "orders_without_margin_to_date": "orders_without_margin",
    "came_to_date": "came",
    "went_to_date": "went",
} -%}
{%- set amounts_to_date = {
    "revenue_to_date": "net_revenue - net_revenue_unassigned",
    "known_margin_to_date": "known_margin",
} -%}

with

order_facts as (

    select * from {{ ref("int_order_facts") }}

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

segment_members as (

    select * from {{ ref("segment_members") }}

),

activity_days as (

    select * from {{ ref("int_activity_days") }}

),

active_spells as (

    select * from {{ ref("int_active_spells") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

),

periods as (

    select * from {{ ref("int_periods") }}

),

{{ segment_sets() }},

profiles as (

    select
        buyers.customer_id,
        buyers.first_order_on,
        coalesce(buyers.country, 'unknown') as country,
        buyers.first_channel,
        segment_sets.segment_set

    from buyers
    left join segment_sets
        on segment_sets.customer_id = buyers.customer_id

),

profile_orders as (

    select
        order_facts.*,
        segment_sets.segment_set

    from order_facts
    left join segment_sets
        on segment_sets.customer_id = order_facts.customer_id

),

{% for facts, (keys, buyers) in order_facts.items() -%}
orders_by_{{ facts }} as (

    select
        {% for key in keys -%}
        {{ key }},
        {% endfor -%}
        ordered_on,
        {% for name in order_counts -%}
        count(case when {{ order_count(name) }} then 1 end) as {{ name }},
        {% endfor -%}
        {% for name, previous in buyers.items() -%}
        {% for grain in grains -%}
        count(
            case
                when
                    has_buyer
                    and coalesce(
                        {{ previous }} < {{ period_start("ordered_on", grain) }}, true
                    )
                    then 1
            end
        ) as {{ name }}_of_{{ grain }},
        {% endfor -%}
        {% endfor -%}
        {% for name in order_amounts -%}
        {{ sum_amount(order_amount(name)) }} as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from profile_orders

    group by
        {{ keys | join(",
        ") }},
        ordered_on

),

{% endfor -%}
daily_orders as (

    {% for dimension, facts, member, buyers in order_dimensions -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        ordered_on,
        {% for name in order_counts -%}
        {{ name }},
        {% endfor -%}
        {% for grain in grains -%}
        {{ buyers }}_of_{{ grain }} as buyers_of_{{ grain }},
        {% endfor -%}
        {% for name in order_amounts -%}
        {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from orders_by_{{ facts }}
    {% if dimension == "segment" -%}
    inner join segments
        on segments.segment_set = orders_by_{{ facts }}.segment_set
    {% endif %}
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

profile_lifetimes as (

    -- every day of activity lengthens a life by the days since the one before; what came
    -- before the first order counts from then on
    select
        profiles.country,
        profiles.first_channel,
        profiles.segment_set,
        greatest(activity_days.active_on, profiles.first_order_on) as counted_on,
        sum({{ days_between(
            "activity_days.previous_active_on", "activity_days.active_on"
        ) }}) as lifetime_days

    from activity_days
    inner join profiles
        on profiles.customer_id = activity_days.customer_id

    where activity_days.previous_active_on is not null

    group by
        profiles.country,
        profiles.first_channel,
        profiles.segment_set,
        greatest(activity_days.active_on, profiles.first_order_on)

),

{% for facts, day, sums in [
    ("arrivals", "active_after", {"came": "is_active_at"}),
    ("departures", "active_until", {"went": "is_active_at", "churned": "is_churned_by"}),
] -%}
profile_{{ facts }} as (

    select
        profiles.country,
        profiles.first_channel,
        profiles.segment_set,
        active_spells.{{ day }} as counted_on,
        {% for column, condition in sums.items() -%}
        {% set outer_loop = loop -%}
        {% for grain in grains -%}
        count(case when active_spells.{{ condition }}_{{ grain }} then 1 end)
            as {{ column }}_of_{{ grain }}
        {%- if not (loop.last and outer_loop.last) %},
        {% endif -%}
        {%- endfor %}
        {%- endfor %}

    from active_spells
    inner join profiles
        on profiles.customer_id = active_spells.customer_id

    group by
        profiles.country,
        profiles.first_channel,
        profiles.segment_set,
        active_spells.{{ day }}

),

{% endfor -%}
daily_costs as (

    {% for dimension, member in [
        ("company", "'company'"), ("first_channel", "channel")
    ] -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        cost_on,
        {{ sum_amount("cost_amount_base") }} as cost

    from costs

    group by
        {{ member }},
        cost_on

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

period_orders as (

    {% for grain in grains -%}
    select
        dimension,
        member,
        '{{ grain }}' as period_grain,
        {{ period_start("ordered_on", grain) }} as period_start,
        {% for name in order_counts -%}
        cast(sum({{ name }}) as bigint) as {{ name }},
        {% endfor -%}
        cast(sum(buyers_of_{{ grain }}) as bigint) as buyers,
        {% for name in order_amounts -%}
        {{ sum_amount(name) }} as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from daily_orders

    group by
        dimension,
        member,
        {{ period_start("ordered_on", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

{% for facts, (columns, is_by_grain, start) in customer_facts.items() -%}
period_{{ facts }} as (

    {% for dimension, member in customer_dimensions -%}
    {% set outer_loop = loop -%}
    {% for grain in grains -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        '{{ grain }}' as period_grain,
        {{ start("counted_on", grain) }} as period_start,
        {% for column in columns -%}
        cast(sum({{ column }}{{ "_of_" ~ grain if is_by_grain }}) as bigint) as {{ column }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from profile_{{ facts }}
    {% if dimension == "segment" -%}
    inner join segments
        on segments.segment_set = profile_{{ facts }}.segment_set
    {% endif %}
    group by
        {{ member }},
        {{ start("counted_on", grain) }}

    {%- if not (loop.last and outer_loop.last) %}

    union all

    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

{% endfor -%}
period_costs as (

    {% for grain in grains -%}
    select
        dimension,
        member,
        '{{ grain }}' as period_grain,
        {{ period_start("cost_on", grain) }} as period_start,
        {{ sum_amount("cost") }} as cost

    from daily_costs

    group by
        dimension,
        member,
        {{ period_start("cost_on", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

told_periods as (

    {% for name in ["orders", "lifetimes", "costs"] -%}
    select
        dimension,
        member,
        period_grain,
        period_start

    from period_{{ name }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

members as (

    select
        dimension,
        member,
        period_grain,
        min(period_start) as first_start

    from told_periods

    where dimension <> 'offer'

    group by
        dimension,
        member,
        period_grain

),

grid as (

    select
        members.dimension,
        members.member,
        members.dimension not in ('source', 'offer') as is_about_customers,
        periods.*

    from members
    inner join periods
        on periods.period_grain = members.period_grain
        and periods.period_start >= members.first_start

    union all

    -- codes may be countless: each has the periods in which it was used
    select
        period_orders.dimension,
        period_orders.member,
        false as is_about_customers,
        periods.*

    from period_orders
    inner join periods
        on periods.period_grain = period_orders.period_grain
        and periods.period_start = period_orders.period_start

    where period_orders.dimension = 'offer'

),

complete as (

    select
        grid.*,
        {% for name in order_counts + ["buyers"] -%}
        coalesce(period_orders.{{ name }}, 0) as {{ name }},
        {% endfor -%}
        {% for name in order_amounts -%}
        coalesce(period_orders.{{ name }}, 0) as {{ name }},
        {% endfor -%}
        coalesce(period_lifetimes.lifetime_days, 0) as lifetime_days,
        coalesce(period_arrivals.came, 0) as came,
        coalesce(period_departures.went, 0) as went,
        coalesce(period_departures.churned, 0) as churned,
        -- what nobody told is not known to be nothing
        period_costs.cost

    from grid
    {% for name in ["orders", "lifetimes", "arrivals", "departures", "costs"] -%}
    left join period_{{ name }}
        on period_{{ name }}.dimension = grid.dimension
        and period_{{ name }}.member = grid.member
        and period_{{ name }}.period_grain = grid.period_grain
        and period_{{ name }}.period_start = grid.period_start
    {% endfor %}

),

to_date as (

    select
        complete.*,
        {% for name, amount in to_date.items() -%}
        cast(
            sum({{ amount }}) over (
                partition by dimension, member, period_grain
                order by period_start asc
                rows between unbounded preceding and current row
            ) as bigint
        ) as {{ name }},
        {% endfor -%}
        {% for name, amount in amounts_to_date.items() -%}
        cast(
            sum({{ amount }}) over (
                partition by dimension, member, period_grain
                order by period_start asc
                rows between unbounded preceding and current row
            ) as decimal(38, 6)
        ) as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from complete

),

final as (

    select
        -- whose, and when
        dimension,
        member,
        period_grain,
        period_start,
        is_complete,
        is_about_customers,
        cast(day_count as integer) as day_count,

        -- orders and customers
        {% for name in order_counts + ["buyers"] -%}
        {{ name }},
        {% endfor -%}
        came_to_date - went_to_date + went as active_customers,
        churned as churned_customers,
        customers_to_date,
        repeat_customers_to_date,
        lifetime_days_to_date,
        orders_without_margin_to_date,

        -- amounts in the base currency, unrounded
        {% for name in order_amounts + ["cost", "revenue_to_date", "known_margin_to_date"] -%}
        cast({{ name }} as decimal(38, 6)) as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from to_date

)

select * from final
