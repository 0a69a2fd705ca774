with

message_events as (

    select * from {{ ref("stg_sendgrid__events") }}

    where event_kind = 'bounce'

),

members as (

    select * from {{ ref("stg_mailchimp__members") }}

),

campaign_activity as (

    select * from {{ ref("stg_mailchimp__campaign_activity") }}

    where
        event_kind = 'bounce'
        and bounce_kind = 'hard'

),

unisender_contacts as (

    select * from {{ ref("stg_unisender__contacts") }}

    where email_availability = 'unreachable'

),

unisender_deliveries as (

    select * from {{ ref("stg_unisender__deliveries") }}

    where send_result in ('err_user_unknown', 'err_user_inactive', 'err_domain_inactive')

),

salesforce_contacts as (

    select * from {{ ref("stg_salesforce__contacts") }}

),

deliveries as (

    select
        case
            when channel = 'sms' then 'sms'
            when channel in ('push', 'web_push') then 'push'
            else 'messenger'
        end as channel,
        coalesce(phone, recipient_id) as contact_point,
        event_kind,
        happened_at

    from {{ ref("stg_messaging__deliveries") }}

    where
        channel is not null
        and {{ until_as_of("happened_at") }}

),

email_bounces as (

    -- a blocked message was refused for what it was or whence it came: the address is good
    select
        coalesce(email, suggested_email) as contact_point,
        happened_at as bounced_at

    from message_events

    where coalesce(lower(bounce_kind), 'bounce') <> 'blocked'

    union all

    select
        coalesce(email, suggested_email) as contact_point,
        cleaned_at as bounced_at

    from members

    where cleaned_at is not null

    union all

    select
        coalesce(email, suggested_email) as contact_point,
        happened_at as bounced_at

    from campaign_activity

    union all

    select
        coalesce(email, suggested_email) as contact_point,
        cast(null as timestamp) as bounced_at

    from unisender_contacts

    union all

    select
        coalesce(email, suggested_email) as contact_point,
        updated_at as bounced_at

    from unisender_deliveries

    union all

    select
        coalesce(email, suggested_email) as contact_point,
        email_bounced_at as bounced_at

    from salesforce_contacts

    where email_bounced_at is not null

),

last_arrivals as (

    select
        channel,
        contact_point,
        max(happened_at) as arrived_at

    from deliveries

    where event_kind in ('delivered', 'read', 'clicked', 'replied')

    group by
        channel,
        contact_point

),

failures_in_a_row as (

    select
        deliveries.channel,
        deliveries.contact_point,
        max(deliveries.happened_at) as bounced_at

    from deliveries
    left join last_arrivals
        on last_arrivals.channel = deliveries.channel
        and last_arrivals.contact_point = deliveries.contact_point

    where
        deliveries.event_kind in ('failed', 'undelivered')
        and (
            last_arrivals.arrived_at is null
            or deliveries.happened_at > last_arrivals.arrived_at
        )

    group by
        deliveries.channel,
        deliveries.contact_point

    having count(*) >= {{ var("failures_until_bounced") }}

),

bounces as (

    select
        'email' as channel,
        contact_point,
        bounced_at

    from email_bounces

    where
        bounced_at is null
        or {{ until_as_of("bounced_at") }}

    union all

    select
        channel,
        contact_point,
        bounced_at

    from failures_in_a_row

),

final as (

    select
        channel,
        contact_point,
        max(bounced_at) as last_bounced_at

    from bounces

    where contact_point is not null

    group by
        channel,
        contact_point

)

select * from final
