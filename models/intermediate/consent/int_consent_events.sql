with

contacts as (

    select * from {{ ref("stg_hubspot__contacts") }}

),

shop_customers as (

    select * from {{ ref("stg_shopify__customers") }}

),

shop_orders as (

    select * from {{ ref("stg_shopify__orders") }}

),

members as (

    select * from {{ ref("stg_mailchimp__members") }}

),

message_events as (

    select * from {{ ref("stg_sendgrid__events") }}

),

other_withdrawals as (

    select
        email as contact_point,
        false as is_granted,
        withdrawn_at as decided_at,
        source,
        evidence

    from {{ ref("int_email_withdrawals") }}

),

other_channel_acts as (

    select * from {{ ref("int_channel_consent_acts") }}

),

feedback as (

    -- who bounced or is invalid has decided nothing
    select * from {{ ref("stg_quality__contact_feedback") }}

    where reason in ('unsubscribed', 'complained')

),

-- a withdrawal counts for the address that a misspelt one stands for, and after its
-- record was deleted; a grant does neither
crm_opt_outs as (

    select
        coalesce(email, suggested_email) as contact_point,
        false as is_granted,
        coalesce(modified_at, created_at) as decided_at,
        'hubspot' as source,
        'opt-out in the CRM' as evidence

    from contacts

    where is_unsubscribed

),

shop_opt_ins as (

    -- the shop's flag is a state that it repeats, not an act with a date: without a
    -- date it is weaker than any act, and cannot bring back who opted out elsewhere
    select
        email as contact_point,
        true as is_granted,
        cast(null as timestamp) as decided_at,
        'shopify' as source,
        'accepts e-mail marketing' as evidence

    from shop_customers

    where accepts_email_marketing and deleted_at is null

),

checkout_opt_ins as (

    select
        email as contact_point,
        true as is_granted,
        cast(null as timestamp) as decided_at,
        'shopify' as source,
        'accepted marketing at checkout' as evidence

    from shop_orders

    where
        accepts_marketing
        and shopify_order_id is not null
        and {{ until_as_of("ordered_at") }}

),

newsletter_opt_ins as (

    select
        email as contact_point,
        true as is_granted,
        coalesce(confirmed_at, opted_in_at) as decided_at,
        'mailchimp' as source,
        'newsletter opt-in' as evidence

    from members

    where coalesce(confirmed_at, opted_in_at) is not null and deleted_at is null

),

newsletter_opt_outs as (

    select
        coalesce(email, suggested_email) as contact_point,
        false as is_granted,
        unsubscribed_at as decided_at,
        'mailchimp' as source,
        'newsletter opt-out' as evidence

    from members

    where unsubscribed_at is not null

),

message_acts as (

    select
        case
            when event_kind = 'group_resubscribe' then email
            else coalesce(email, suggested_email)
        end as contact_point,
        event_kind = 'group_resubscribe' as is_granted,
        happened_at as decided_at,
        'sendgrid' as source,
        case event_kind
            when 'spamreport' then 'complaint about spam'
            when 'group_resubscribe' then 'resubscribed'
            else 'unsubscribed in a message'
        end as evidence

    from message_events

    where
        event_kind in (
            'unsubscribe', 'group_unsubscribe', 'group_resubscribe', 'spamreport'
        )

),

email_acts as (

    select * from crm_opt_outs
    union all
    select * from shop_opt_ins
    union all
    select * from checkout_opt_ins
    union all
    select * from newsletter_opt_ins
    union all
    select * from newsletter_opt_outs
    union all
    select * from message_acts
    union all
    select * from other_withdrawals

),

acts as (

    select
        'email' as channel,
        contact_point,
        is_granted,
        decided_at,
        source,
        evidence

    from email_acts

    union all

    select
        channel,
        contact_point,
        is_granted,
        decided_at,
        source,
        evidence

    from other_channel_acts

    union all

    select
        channel,
        contact_point,
        false as is_granted,
        noted_at as decided_at,
        destination as source,
        case reason
            when 'complained' then 'complaint, told when an audience was sent'
            else 'unsubscribed, told when an audience was sent'
        end as evidence

    from feedback

),

known_acts as (

    -- the same act may be told by several rows
    select
        channel,
        contact_point,
        is_granted,
        decided_at,
        source,
        evidence

    from acts

    where
        contact_point is not null
        and (
            decided_at is null
            or {{ until_as_of("decided_at") }}
        )

    group by
        channel,
        contact_point,
        is_granted,
        decided_at,
        source,
        evidence

),

final as (

    select
        {{ surrogate_key([
            "channel", "contact_point", "is_granted", "decided_at", "source", "evidence"
        ]) }} as consent_event_id,
        channel,
        contact_point,
        'marketing' as purpose,
        is_granted,
        decided_at,
        source,
        evidence

    from known_acts

)

select * from final
