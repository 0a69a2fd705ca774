-- The last line of defence before activation: whoever is to be sent to has granted
-- marketing by e-mail on that very address, and nothing suppresses it.
{{ config(meta={"dagster": {"ref": {"name": "audience_winback"}}}) }}

with

audience_winback as (

    select * from {{ ref("audience_winback") }}

    where decision = 'send'

),

customer_consents as (

    select * from {{ ref("customer_consents") }}

    where
        channel = 'email'
        and purpose = 'marketing'
        and is_granted
        and suppression_reason is null

),

final as (

    select audience_winback.customer_id

    from audience_winback
    left join customer_consents
        on customer_consents.customer_id = audience_winback.customer_id
        and customer_consents.contact_point_hash
        = {{ sha256_hex("audience_winback.email") }}

    where customer_consents.customer_id is null

)

select * from final
