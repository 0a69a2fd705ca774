with

consents as (

    select * from {{ ref("int_consents_latest") }}

),

customer_emails as (

    select * from {{ ref("int_customer_emails") }}

),

final as (

    select
        customer_emails.customer_id,
        consents.channel,
        {{ sha256_hex("consents.contact_point") }} as contact_point_hash,
        consents.purpose,
        consents.is_granted,
        customer_emails.suppression_reason,
        consents.source,
        consents.evidence,
        consents.decided_at

    from consents
    inner join customer_emails
        on customer_emails.email = consents.contact_point

    where consents.channel = 'email'

)

select * from final
