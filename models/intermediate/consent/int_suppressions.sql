with

message_events as (

    select * from {{ ref("stg_sendgrid__events") }}

),

members as (

    select * from {{ ref("stg_mailchimp__members") }}

),

held_contact_points as (

    select * from {{ ref("stg_quality__held_contact_points") }}

),

reports as (

    select
        coalesce(email, suggested_email) as contact_point,
        case event_kind when 'bounce' then 'bounced' else 'complained' end as reason

    from message_events

    where
        event_kind in ('bounce', 'spamreport')
        and {{ business_day("happened_at") }} <= {{ as_of_date() }}

    union all

    select
        coalesce(email, suggested_email) as contact_point,
        'bounced' as reason

    from members

    where {{ business_day("cleaned_at") }} <= {{ as_of_date() }}

    union all

    -- a row that waits in quarantine may hold an opt-out: until it flows, silence
    select
        email as contact_point,
        'in_quarantine' as reason

    from held_contact_points

),

final as (

    -- the gravest reason
    select
        'email' as channel,
        contact_point,
        case min(
            case reason
                when 'complained' then 1
                when 'bounced' then 2
                else 3
            end
        )
            when 1 then 'complained'
            when 2 then 'bounced'
            else 'in_quarantine'
        end as reason

    from reports

    where contact_point is not null

    group by contact_point

)

select * from final
