with

customer_emails as (

    select * from {{ ref("int_customer_emails") }}

),

identifiers as (

    select * from {{ ref("int_identifiers") }}

    where identifier_type = 'phone'

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

consents as (

    select * from {{ ref("int_consents_latest") }}

    where purpose = 'marketing'

),

suppressions as (

    select * from {{ ref("int_suppressions") }}

),

messenger_numbers as (

    -- that a number is in a messenger, only a message that arrived there tells
    select phone

    from {{ ref("stg_messaging__deliveries") }}

    where
        channel in ('whatsapp', 'viber')
        and event_kind in ('delivered', 'read', 'clicked', 'replied', 'stopped')
        and {{ until_as_of("happened_at") }}
        and phone is not null

    group by phone

),

customer_phones as (

    select
        customer_ids.customer_id,
        identifiers.identifier_value as phone,
        max(identifiers.last_seen_at) as last_seen_at,
        count(*) as record_count,
        -- as with addresses: one of those who share a number is written to
        row_number() over (
            partition by identifiers.identifier_value
            order by
                count(*) desc,
                min(identifiers.first_seen_at) asc nulls last,
                customer_ids.customer_id asc
        ) = 1 as is_owner

    from identifiers
    inner join customer_ids
        on customer_ids.source = identifiers.source
        and customer_ids.export = identifiers.export
        and customer_ids.record_id = identifiers.record_id

    group by
        customer_ids.customer_id,
        identifiers.identifier_value

),

phone_points as (

    select
        'sms' as channel,
        customer_phones.*

    from customer_phones

    union all

    select
        'call_centre' as channel,
        customer_phones.*

    from customer_phones

    union all

    select
        'messenger' as channel,
        customer_phones.*

    from customer_phones
    inner join messenger_numbers
        on messenger_numbers.phone = customer_phones.phone

),

final as (

    select
        customer_id,
        'email' as channel,
        email as contact_point,
        is_granted,
        is_consent_unknown,
        suppression_reason,
        is_owner,
        last_seen_at,
        record_count

    from customer_emails

    union all

    select
        phone_points.customer_id,
        phone_points.channel,
        phone_points.phone as contact_point,
        coalesce(consents.is_granted, false) as is_granted,
        consents.contact_point is null as is_consent_unknown,
        case
            when suppressions.reason is not null then suppressions.reason
            when not phone_points.is_owner then 'contact_of_another'
        end as suppression_reason,
        phone_points.is_owner,
        phone_points.last_seen_at,
        phone_points.record_count

    from phone_points
    left join consents
        on consents.channel = phone_points.channel
        and consents.contact_point = phone_points.phone
    left join suppressions
        on suppressions.channel = phone_points.channel
        and suppressions.contact_point = phone_points.phone

)

select * from final
