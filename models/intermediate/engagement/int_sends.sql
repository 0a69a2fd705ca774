with

messages as (

    select * from {{ ref("int_messages") }}

    where sent_at is not null

),

profile_events as (

    select
        stg_klaviyo__events.*,
        coalesce(campaign_id, flow_id) as campaign_or_flow_id,
        case when metric_name like '% SMS' then 'sms' else 'email' end as channel,
        metric_name like 'Received %' as is_arrival

    from {{ ref("stg_klaviyo__events") }} as stg_klaviyo__events

    where metric_name in (
        'Received Email', 'Opened Email', 'Clicked Email', 'Received SMS', 'Clicked SMS'
    )

),

unisender_deliveries as (

    select
        stg_unisender__deliveries.*,
        coalesce(email, suggested_email, phone) as contact_point,
        case
            when coalesce(email, suggested_email) is null then 'sms' else 'email'
        end as channel

    from {{ ref("stg_unisender__deliveries") }} as stg_unisender__deliveries

    where {{ matches("send_result", "^(ok|err)_") }}

),

deliveries as (

    select
        stg_messaging__deliveries.*,
        {{ message_channel("channel") }} as contact_channel

    from {{ ref("stg_messaging__deliveries") }} as stg_messaging__deliveries

    where
        channel is not null
        and provider_message_id is not null

),

contact_points as (

    select * from {{ ref("int_customer_contact_points") }}

    where is_owner

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),


numbered_events as (

    -- a flow may send the same message again: what follows an arrival belongs to it
    select
        profile_events.*,

        sum(case when is_arrival then 1 else 0 end) over (
            partition by profile_id, channel, campaign_or_flow_id, provider_message_id
            order by happened_at asc, event_id asc
            rows between unbounded preceding and current row
        ) as send_number

    from profile_events

),

profile_sends as (

    select
        profile_id,
        channel,
        campaign_or_flow_id,
        provider_message_id,
        send_number,
        min(happened_at) as sent_at,
        {{ first_by(place(), ["happened_at", "event_id"]) }} as message_id,
        min(case when metric_name = 'Opened Email' then happened_at end) as opened_at,
        min(case when metric_name in ('Clicked Email', 'Clicked SMS') then happened_at end)
            as clicked_at

    from numbered_events

    where send_number > 0

    group by
        profile_id,
        channel,
        campaign_or_flow_id,
        provider_message_id,
        send_number

),

message_logs as (

    select
        contact_channel,
        provider,
        provider_message_id,
        coalesce(phone, suggested_phone) as phone,
        recipient_id,
        {{ first_by(place(), ["happened_at", "_file_id", "_line"]) }} as message_id,
        min(campaign_id) as campaign_id,
        min(happened_at) as sent_at,
        min(
            case when event_kind in ('delivered', 'read', 'clicked', 'replied')
                then happened_at end
        ) as delivered_at,
        min(case when event_kind in ('read', 'clicked', 'replied') then happened_at end)
            as opened_at,
        min(case when event_kind in ('clicked', 'replied') then happened_at end)
            as clicked_at

    from deliveries

    group by
        contact_channel,
        provider,
        provider_message_id,
        coalesce(phone, suggested_phone),
        recipient_id

),

addressed as (

    select
        'sendgrid' as source,
        'email' as channel,
        {{ place("messages") }} as message_id,
        messages.campaign_id,
        messages.email as contact_point,
        messages.sent_on,
        messages.sent_at,
        messages.delivered_at,
        messages.opened_by_human_at as opened_at,
        messages.clicked_at

    from messages

    union all

    -- of each message only the last thing that happened is told
    select
        'unisender' as source,
        unisender_deliveries.channel,
        unisender_deliveries.message_id,
        unisender_deliveries.campaign_id,
        unisender_deliveries.contact_point,
        {{ business_day("unisender_deliveries.updated_at") }} as sent_on,
        unisender_deliveries.updated_at as sent_at,
        case
            when
                {{ matches("unisender_deliveries.send_result", "^ok_") }}
                and unisender_deliveries.send_result <> 'ok_sent'
                then unisender_deliveries.updated_at
        end as delivered_at,
        case
            when unisender_deliveries.send_result in ('ok_read', 'ok_link_visited')
                then unisender_deliveries.updated_at
        end as opened_at,
        case
            when unisender_deliveries.send_result = 'ok_link_visited'
                then unisender_deliveries.updated_at
        end as clicked_at

    from unisender_deliveries

    union all

    select
        'messaging' as source,
        message_logs.contact_channel as channel,
        message_logs.message_id,
        message_logs.campaign_id,
        message_logs.phone as contact_point,
        {{ business_day("message_logs.sent_at") }} as sent_on,
        message_logs.sent_at,
        message_logs.delivered_at,
        message_logs.opened_at,
        message_logs.clicked_at

    from message_logs

),

sends as (

    select
        addressed.source,
        addressed.channel,
        addressed.message_id,
        addressed.campaign_id,
        contact_points.customer_id,
        addressed.sent_on,
        addressed.sent_at,
        addressed.delivered_at,
        addressed.opened_at,
        addressed.clicked_at

    from addressed
    left join contact_points
        on contact_points.channel = addressed.channel
        and contact_points.contact_point = addressed.contact_point

    union all

    select
        'klaviyo' as source,
        profile_sends.channel,
        profile_sends.message_id,
        profile_sends.campaign_or_flow_id as campaign_id,
        customer_ids.customer_id,
        {{ business_day("profile_sends.sent_at") }} as sent_on,
        profile_sends.sent_at,
        profile_sends.sent_at as delivered_at,
        profile_sends.opened_at,
        profile_sends.clicked_at

    from profile_sends
    left join customer_ids
        on customer_ids.source = 'klaviyo'
        and customer_ids.export = 'profiles'
        and customer_ids.record_id = profile_sends.profile_id

),

implied as (

    -- a click implies an opening that nothing showed, and both an arrival
    select
        sends.*,
        coalesce(delivered_at, opened_at, clicked_at) as arrival_at,
        coalesce(opened_at, clicked_at) as opening_at

    from sends

),

final as (

    select
        -- ids
        concat(source, ':', channel, ':', message_id) as send_id,
        source,
        customer_id,
        campaign_id,

        -- strings
        channel,

        -- booleans, each step after the one before it
        coalesce(arrival_at >= sent_at, false) as is_delivered,
        coalesce(arrival_at >= sent_at and opening_at >= arrival_at, false) as is_opened,
        coalesce(
            arrival_at >= sent_at
            and opening_at >= arrival_at
            and clicked_at >= opening_at,
            false
        ) as is_clicked,

        -- dates and timestamps
        sent_on,
        sent_at,
        delivered_at,
        opened_at,
        clicked_at

    from implied

    where {{ until_as_of("sent_at") }}

)

select * from final
