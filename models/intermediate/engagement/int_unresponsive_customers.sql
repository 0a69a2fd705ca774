with

messages as (

    select * from {{ ref("int_messages") }}

),

customer_emails as (

    select * from {{ ref("int_customer_emails") }}

),

records as (

    -- of all records, purchases alone are acts of the customer
    select * from {{ ref("int_source_records") }}

    where export in ('orders', 'invoice_lines', 'receipts')

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

received as (

    select
        customer_emails.customer_id,
        messages.delivered_at,
        messages.opened_by_human_at,
        messages.clicked_at

    from messages
    inner join customer_emails
        on customer_emails.email = messages.email
        and customer_emails.is_owner

),

acts as (

    select
        customer_id,
        opened_by_human_at as acted_at

    from received

    union all

    select
        customer_id,
        clicked_at as acted_at

    from received

    union all

    select
        customer_ids.customer_id,
        records.last_seen_at as acted_at

    from records
    inner join customer_ids
        on customer_ids.source = records.source
        and customer_ids.export = records.export
        and customer_ids.record_id = records.record_id

),

last_acts as (

    select
        customer_id,
        max(acted_at) as last_acted_at

    from acts

    where {{ until_as_of("acted_at") }}

    group by customer_id

),

unanswered as (

    select
        received.customer_id,
        last_acts.last_acted_at,
        count(*) as unanswered_message_count,
        min(received.delivered_at) as unanswered_since

    from received
    left join last_acts
        on last_acts.customer_id = received.customer_id

    where
        received.delivered_at is not null
        and (
            last_acts.last_acted_at is null
            or received.delivered_at > last_acts.last_acted_at
        )

    group by
        received.customer_id,
        last_acts.last_acted_at

),

final as (

    select
        customer_id,
        unanswered_message_count,
        unanswered_since,
        last_acted_at

    from unanswered

    where
        unanswered_message_count >= {{ var("sunset_messages") }}
        and {{ days_between(
            business_day("coalesce(last_acted_at, unanswered_since)"), as_of_date()
        ) }} >= {{ var("sunset_days") }}

)

select * from final
