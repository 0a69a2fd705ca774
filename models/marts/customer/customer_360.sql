with

attributes as (

    select * from {{ ref("int_customer_attributes") }}

),

email_channels as (

    select * from {{ ref("int_customer_channels") }}

    where channel = 'email'

),

identifiers as (

    select * from {{ ref("int_identifiers") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

messages as (

    select * from {{ ref("messages") }}

),

rfm as (

    select * from {{ ref("rfm") }}

),

phones as (

    select
        customer_ids.customer_id,
        identifiers.identifier_value as phone,

        row_number() over (
            partition by customer_ids.customer_id
            order by
                max(identifiers.last_seen_at) desc nulls last,
                count(*) desc,
                identifiers.identifier_value asc
        ) as preference

    from identifiers
    inner join customer_ids
        on customer_ids.source = identifiers.source
        and customer_ids.export = identifiers.export
        and customer_ids.record_id = identifiers.record_id

    where identifiers.identifier_type = 'phone'

    group by
        customer_ids.customer_id,
        identifiers.identifier_value

),

received as (

    select
        customer_id,
        count(sent_at) as message_count,
        max(opened_by_human_at) as last_opened_at,
        max(clicked_at) as last_clicked_at

    from messages

    group by customer_id

),

final as (

    select
        -- ids
        attributes.customer_id,

        -- strings
        attributes.first_name,
        attributes.last_name,
        email_channels.contact_point as email,
        phones.phone,
        attributes.city,
        attributes.country,
        attributes.sources,
        coalesce(rfm.lifecycle_stage, 'prospect') as lifecycle_stage,
        coalesce(nullif(email_channels.reachability, 'no_contact'), 'no_email')
            as email_reachability,

        -- numbers
        attributes.record_count,
        coalesce(rfm.frequency, 0) as paid_order_count,
        coalesce(rfm.monetary_amount, 0) as revenue_to_date,
        coalesce(received.message_count, 0) as message_count,

        -- booleans
        coalesce(email_channels.is_reachable, false) as is_reachable_by_email,

        -- dates and timestamps
        attributes.birth_date,
        rfm.first_order_on,
        rfm.last_order_on,
        attributes.first_seen_at,
        attributes.last_seen_at,
        received.last_opened_at,
        received.last_clicked_at

    from attributes
    left join email_channels
        on email_channels.customer_id = attributes.customer_id
    left join phones
        on phones.customer_id = attributes.customer_id
        and phones.preference = 1
    left join received
        on received.customer_id = attributes.customer_id
    left join rfm
        on rfm.customer_id = attributes.customer_id

)

select * from final
