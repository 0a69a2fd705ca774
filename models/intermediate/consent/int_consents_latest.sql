with

consent_events as (

    select * from {{ ref("int_consent_events") }}

),

newest_first as (

    -- of acts at the same moment, the withdrawal counts; an undated one comes last,
    -- but an undated withdrawal beats an undated grant
    select
        consent_events.*,

        row_number() over (
            partition by channel, contact_point, purpose
            order by
                decided_at desc nulls last,
                is_granted asc,
                source asc,
                evidence asc
        ) as recency

    from consent_events

),

final as (

    select
        channel,
        contact_point,
        purpose,
        is_granted,
        decided_at,
        source,
        evidence

    from newest_first

    where recency = 1

)

select * from final
