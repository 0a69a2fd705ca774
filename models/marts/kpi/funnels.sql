{%- set steps = {
    "site": ["visit", "product", "cart", "checkout", "paid"],
    "messages": ["sent", "delivered", "opened", "clicked", "ordered"],
    "deals": ["created", "contacted", "negotiating", "agreed", "won"],
} -%}

with

events as (

    select * from {{ ref("int_funnel_events") }}

),

message_funnel as (

    select * from {{ ref("int_message_funnel") }}

),

reached_1 as (

    select
        funnel,
        member,
        actor,
        month_start,
        min(happened_at) as reached_at

    from events

    where step_number = 1

    group by
        funnel,
        member,
        actor,
        month_start

),

{% for step_number in [2, 3, 4, 5] -%}
reached_{{ step_number }} as (

    select
        events.funnel,
        events.member,
        events.actor,
        events.month_start,
        min(events.happened_at) as reached_at

    from events
    inner join reached_{{ step_number - 1 }} as before
        on before.funnel = events.funnel
        and before.member = events.member
        and before.actor = events.actor
        and before.month_start = events.month_start
        and before.reached_at <= events.happened_at

    where events.step_number = {{ step_number }}

    group by
        events.funnel,
        events.member,
        events.actor,
        events.month_start

),

{% endfor -%}
entered as (

    select
        funnel,
        member,
        month_start,
        count(*) as entered

    from reached_1

    group by
        funnel,
        member,
        month_start

),

counted as (

    {% for step_number in [1, 2, 3, 4, 5] -%}
    select
        entered.funnel,
        entered.member,
        entered.month_start,
        {{ step_number }} as step_number,
        case entered.funnel
            {% for funnel, names in steps.items() if funnel != "messages" -%}
            when '{{ funnel }}' then '{{ names[step_number - 1] }}'
            {% endfor -%}
        end as step,
        entered.entered,
        count(reached_{{ step_number }}.actor) as reached

    from entered
    left join reached_{{ step_number }}
        on reached_{{ step_number }}.funnel = entered.funnel
        and reached_{{ step_number }}.member = entered.member
        and reached_{{ step_number }}.month_start = entered.month_start

    group by
        entered.funnel,
        entered.member,
        entered.month_start,
        entered.entered

    union all

    {% endfor -%}
    {% for step in steps["messages"] -%}
    select
        'messages' as funnel,
        channel as member,
        month_start,
        {{ loop.index }} as step_number,
        '{{ step }}' as step,
        sent as entered,
        {{ step }} as reached

    from message_funnel

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

compared as (

    select
        counted.*,
        lag(reached) over (
            partition by funnel, member, month_start
            order by step_number asc
        ) as reached_before

    from counted

),

final as (

    select
        funnel,
        member,
        month_start,
        cast(step_number as integer) as step_number,
        step,
        reached,
        {{ ratio("reached", "entered") }} as conversion_rate,
        {{ ratio("reached", "reached_before") }} as step_conversion_rate

    from compared

)

select * from final
