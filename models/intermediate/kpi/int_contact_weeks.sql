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
        channel,
        count(*) as messages

    from sends

    group by
        customer_id,
        {{ period_start("sent_on", "week") }},
        channel

)

select * from final
