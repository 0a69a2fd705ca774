with

consent_events as (

    select * from {{ ref("int_consent_events") }}

),

newest_first as (

    -- of acts at the same moment, the withdrawal counts; a grant without a date comes
    -- last, and a withdrawal without one first: nobody can say that a grant is newer
    select
        consent_events.*,

        row_number() over (
            partition by channel, contact_point, purpose
            order by
                case when decided_at is null and not is_granted then 0 else 1 end,
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
