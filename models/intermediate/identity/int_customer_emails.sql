with

identifiers as (

    select * from {{ ref("int_identifiers") }}

    where identifier_type = 'email'

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

consents as (

    select * from {{ ref("int_consents_latest") }}

    where
        channel = 'email'
        and purpose = 'marketing'

),

suppressions as (

    select * from {{ ref("int_suppressions") }}

    where channel = 'email'

),

owned as (

    select
        customer_ids.customer_id,
        identifiers.identifier_value as email,
        min(identifiers.first_seen_at) as first_seen_at,
        max(identifiers.last_seen_at) as last_seen_at,
        count(*) as record_count

    from identifiers
    inner join customer_ids
        on customer_ids.source = identifiers.source
        and customer_ids.export = identifiers.export
        and customer_ids.record_id = identifiers.record_id

    group by
        customer_ids.customer_id,
        identifiers.identifier_value

),

complaints as (

    -- who complained once is left alone on every address
    select owned.customer_id

    from owned
    inner join suppressions
        on suppressions.contact_point = owned.email
        and suppressions.reason = 'complained'

    group by owned.customer_id

),

decided as (

    select
        owned.*,
        coalesce(consents.is_granted, false) as is_granted,
        consents.contact_point is null as is_consent_unknown,
        case
            when complaints.customer_id is not null then 'complained'
            else suppressions.reason
        end as suppression_reason

    from owned
    left join consents
        on consents.contact_point = owned.email
    left join suppressions
        on suppressions.contact_point = owned.email
    left join complaints
        on complaints.customer_id = owned.customer_id

),

final as (

    select
        customer_id,
        email,
        is_granted,
        is_consent_unknown,
        suppression_reason,
        is_granted and suppression_reason is null as is_reachable,
        record_count,
        first_seen_at,
        last_seen_at

    from decided

)

select * from final
