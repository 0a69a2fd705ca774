with

contact_weeks as (

    select * from {{ ref("int_contact_weeks") }}

),

customer_weeks as (

    select
        channel,
        week_start,
        customer_id,
        messages

    from contact_weeks

    union all

    select
        'all' as channel,
        week_start,
        customer_id,
        cast(sum(messages) as bigint) as messages

    from contact_weeks

    group by
        week_start,
        customer_id

),

weeks as (

    select
        channel,
        week_start,
        count(*) as customers,
        cast(sum(messages) as bigint) as messages,
        count(case when messages > {{ var("contact_cap_per_week") }} then 1 end)
            as customers_over_cap,
        max(messages) as most_messages

    from customer_weeks

    group by
        channel,
        week_start

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

    from weeks

)

select * from final
