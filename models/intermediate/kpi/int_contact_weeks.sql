{%- set channels = ["email", "sms", "push", "messenger"] -%}

with

sends as (

    select * from {{ ref("int_sends") }}

    where
        customer_id is not null
        and delivered_at is not null

),

final as (

    select
        customer_id,
        {{ period_start("sent_on", "week") }} as week_start,
        count(*) as messages,
        {% for channel in channels -%}
        count(case when channel = '{{ channel }}' then 1 end) as {{ channel }}_messages
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from sends

    group by
        customer_id,
        {{ period_start("sent_on", "week") }}

)

select * from final
