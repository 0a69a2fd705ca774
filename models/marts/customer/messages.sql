with

messages as (

    select * from {{ ref("int_messages") }}

),

customer_emails as (

    select * from {{ ref("int_customer_emails") }}

),

final as (

    select
        -- ids
        {{ place("messages") }} as message_id,
        coalesce(customer_emails.customer_id, 'unassigned') as customer_id,
        coalesce(messages.campaign_id, 'none') as campaign_id,
        {{ sha256_hex("messages.email") }} as contact_point_hash,
        messages._file_id,
        messages._line,

        -- strings
        'email' as channel,
        messages.category,

        -- booleans
        messages.delivered_at is not null as is_delivered,
        messages.opened_by_human_at is not null as is_opened,
        messages.clicked_at is not null as is_clicked,

        -- dates and timestamps
        messages.sent_on,
        messages.sent_at,
        messages.delivered_at,
        messages.opened_at,
        messages.opened_by_human_at,
        messages.clicked_at,
        messages.bounced_at,
        messages.dropped_at,
        messages.unsubscribed_at,
        messages.complained_at

    from messages
    left join customer_emails
        on customer_emails.email = messages.email
        and customer_emails.is_owner

)

select * from final
