{%- set profile = ["first_source", "first_channel", "country", "segment_set"] -%}
{#- a member of which dimension a cohort belongs to -#}
{%- set dimensions = {
    "company": "'company'",
    "first_source": "first_source",
    "first_channel": "first_channel",
    "country": "country",
    "segment": "segments.segment",
} -%}

with

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number is not null

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

segment_members as (

    select * from {{ ref("segment_members") }}

),

{{ segment_sets() }},

profiles as (

    select
        buyers.customer_id,
        buyers.first_source,
        buyers.first_channel,
        coalesce(buyers.country, 'unknown') as country,
        segment_sets.segment_set,
        {{ month_start("buyers.first_order_on") }} as cohort_month

    from buyers
    left join segment_sets
        on segment_sets.customer_id = buyers.customer_id

),

profile_sizes as (

    select
        {{ profile | join(",
        ") }},
        cohort_month,
        count(*) as cohort_size

    from profiles

    group by
        {{ profile | join(",
        ") }},
        cohort_month

),

profile_activity as (

    select
        {% for column in profile -%}
        profiles.{{ column }},
        {% endfor -%}
        profiles.cohort_month,
        {{ month_start("orders.ordered_on") }} as order_month,
        -- a buyer counts with the first order in the month
        count(
            case
                when
                    coalesce(
                        orders.previous_ordered_on
                        < {{ month_start("orders.ordered_on") }},
                        true
                    )
                    then 1
            end
        ) as buyers,
        count(*) as orders,
        {{ sum_amount("orders.net_amount_base") }} as net_revenue

    from orders
    inner join profiles
        on profiles.customer_id = orders.customer_id

    group by
        {% for column in profile -%}
        profiles.{{ column }},
        {% endfor -%}
        profiles.cohort_month,
        {{ month_start("orders.ordered_on") }}

),

cohort_sizes as (

    {% for dimension, member in dimensions.items() -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        profile_sizes.cohort_month,
        cast(sum(profile_sizes.cohort_size) as bigint) as cohort_size

    from profile_sizes
    {% if dimension == "segment" -%}
    inner join segments
        on segments.segment_set = profile_sizes.segment_set
    {% endif %}
    group by
        {{ member }},
        profile_sizes.cohort_month

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

first_months as (

    select min(cohort_month) as first_month

    from cohort_sizes

),

months as (

    {{ month_series(
        "(select first_month from first_months)",
        month_start(as_of_date()),
        "month_start"
    ) }}

),

month_numbers as (

    select {{ months_between_starts("first_months.first_month", "months.month_start") }}
        as month_number

    from months
    cross join first_months

),

activity as (

    {% for dimension, member in dimensions.items() -%}
    select
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        profile_activity.cohort_month,
        {{ months_between_starts(
            "profile_activity.cohort_month", "profile_activity.order_month"
        ) }} as month_number,
        cast(sum(profile_activity.buyers) as bigint) as buyers,
        cast(sum(profile_activity.orders) as bigint) as orders,
        {{ sum_amount("profile_activity.net_revenue") }} as net_revenue

    from profile_activity
    {% if dimension == "segment" -%}
    inner join segments
        on segments.segment_set = profile_activity.segment_set
    {% endif %}
    group by
        {{ member }},
        profile_activity.cohort_month,
        profile_activity.order_month

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

grid as (

    -- a month that has not begun is unknown, a month without buyers is zero
    select
        cohort_sizes.dimension,
        cohort_sizes.member,
        cohort_sizes.cohort_month,
        month_numbers.month_number,
        cohort_sizes.cohort_size,
        month_numbers.month_number <= {{ months_between_starts(
            "cohort_sizes.cohort_month", month_start(as_of_date())
        ) }} as has_begun

    from cohort_sizes
    cross join month_numbers

),

filled as (

    select
        grid.*,
        case when grid.has_begun then coalesce(activity.buyers, 0) end as buyers,
        case when grid.has_begun then coalesce(activity.orders, 0) end as orders,
        case when grid.has_begun then coalesce(activity.net_revenue, 0) end as net_revenue

    from grid
    left join activity
        on activity.dimension = grid.dimension
        and activity.member = grid.member
        and activity.cohort_month = grid.cohort_month
        and activity.month_number = grid.month_number

),

summed as (

    select
        filled.*,

        sum(case when month_number = 0 then net_revenue end) over (
            partition by dimension, member, cohort_month
        ) as first_revenue,

        cast(
            sum(net_revenue) over (
                partition by dimension, member, cohort_month
                order by month_number asc
                rows between unbounded preceding and current row
            ) as decimal(38, 6)
        ) as revenue_to_date

    from filled

),

final as (

    select
        dimension,
        member,
        cohort_month,
        month_number,
        cohort_size,
        buyers,
        orders,
        {{ ratio("buyers", "cohort_size") }} as retention_rate,
        {{ money("net_revenue") }} as net_revenue,
        {{ ratio("net_revenue", "first_revenue") }} as revenue_retention_rate,
        case when has_begun then {{ money("revenue_to_date") }} end as revenue_to_date,
        case when has_begun then {{ money_per("revenue_to_date", "cohort_size") }} end
            as revenue_per_customer

    from summed

)

select * from final
