with

events as (

    select * from {{ ref("stg_sendgrid__events") }}

    where {{ until_as_of("happened_at") }}

),

keyed as (

    -- a dropped message never got an id of the provider: its event stands for it
    select
        events.*,
        coalesce(provider_message_id, concat('dropped:', event_id)) as sent_message

    from events

),

grouped as (

    select
        sent_message,
        email,
        min(campaign_id) as campaign_id,
        {{ first_row_by(
            "_file_id, _line", ["happened_at", "_file_id", "_line"]
        ) }} as first_event,
        min(category) as category,
        min(happened_at) as first_event_at,
        min(case when event_kind = 'processed' then happened_at end) as sent_at,
        min(case when event_kind = 'delivered' then happened_at end) as delivered_at,
        min(case when event_kind = 'open' then happened_at end) as opened_at,
        min(case when event_kind = 'open' and not is_mail_proxy then happened_at end)
            as opened_by_human_at,
        min(case when event_kind = 'click' then happened_at end) as clicked_at,
        min(case when event_kind = 'bounce' then happened_at end) as bounced_at,
        min(case when event_kind = 'dropped' then happened_at end) as dropped_at,
        min(
            case
                when event_kind in ('unsubscribe', 'group_unsubscribe')
                    then happened_at
            end
        ) as unsubscribed_at,
        min(case when event_kind = 'spamreport' then happened_at end) as complained_at

    from keyed

    group by
        sent_message,
        email

),

final as (

    select
        -- ids
        email,
        campaign_id,
        first_event._file_id,
        first_event._line,

        -- strings
        category,

        -- dates and timestamps
        {{ business_day("coalesce(sent_at, first_event_at)") }} as sent_on,
        first_event_at,
        sent_at,
        delivered_at,
        opened_at,
        opened_by_human_at,
        clicked_at,
        bounced_at,
        dropped_at,
        unsubscribed_at,
        complained_at

    from grouped

)

select * from final
