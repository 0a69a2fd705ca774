with

consents as (

    select * from {{ ref("int_consents_latest") }}

),

contact_points as (

    select * from {{ ref("int_customer_contact_points") }}

),

final as (

    select
        contact_points.customer_id,
        consents.channel,
        {{ sha256_hex("consents.contact_point") }} as contact_point_hash,
        consents.purpose,
        consents.is_granted,
        contact_points.suppression_reason,
        consents.source,
        consents.evidence,
        consents.decided_at

    from consents
    inner join contact_points
        on contact_points.channel = consents.channel
        and contact_points.contact_point = consents.contact_point

)

select * from final
