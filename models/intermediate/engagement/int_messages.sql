with

events as (

    select * from {{ ref("stg_sendgrid__events") }}

    where {{ business_day("happened_at") }} <= {{ as_of_date() }}

),

keyed as (

    -- a dropped message never got an id of the provider: its event stands for it
    select
        events.*,
        {{ surrogate_key([
            "coalesce(provider_message_id, concat('dropped:', event_id))", "email"
        ]) }} as message_id

    from events

),

numbered as (

    select
        keyed.*,

        row_number() over (
            partition by message_id
            order by happened_at asc, _file_id asc, _line asc
        ) as event_number

    from keyed

),

final as (

    select
        -- ids
        message_id,
        email,
        min(campaign_id) as campaign_id,
        min(case when event_number = 1 then _file_id end) as _file_id,
        min(case when event_number = 1 then _line end) as _line,

        -- strings
        'email' as channel,
        min(category) as category,

        -- timestamps
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

    from numbered

    group by
        message_id,
        email

)

select * from final
