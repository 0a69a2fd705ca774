{#- of each channel, the column of int_contact_weeks that counts its messages -#}
{%- set channels = {
    "all": "messages",
    "email": "email_messages",
    "sms": "sms_messages",
    "push": "push_messages",
    "messenger": "messenger_messages",
} -%}

with

contact_weeks as (

    select * from {{ ref("int_contact_weeks") }}

),

-- all channels in one pass over the customers, and apart where a week has one row
weeks as (

    select
        week_start,
        {% for channel, messages in channels.items() -%}
        count(case when {{ messages }} > 0 then 1 end) as {{ channel }}_customers,
        cast(sum({{ messages }}) as bigint) as {{ channel }}_messages,
        count(case when {{ messages }} > {{ var("contact_cap_per_week") }} then 1 end)
            as {{ channel }}_customers_over_cap,
        max({{ messages }}) as {{ channel }}_most_messages
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from contact_weeks

    group by week_start

),

channel_weeks as (

    {% for channel in channels -%}
    select
        '{{ channel }}' as channel,
        week_start,
        {{ channel }}_customers as customers,
        {{ channel }}_messages as messages,
        {{ channel }}_customers_over_cap as customers_over_cap,
        {{ channel }}_most_messages as most_messages

    from weeks

    where {{ channel }}_customers > 0

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        channel,
        week_start,
        customers,
        messages,
        customers_over_cap,
        most_messages,
        {{ ratio("messages", "customers") }} as messages_per_week,
        {{ ratio("customers_over_cap", "customers") }} as share_over_cap

    from channel_weeks

)

select * from final
