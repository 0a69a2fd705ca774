with

message_events as (

    select * from {{ ref("stg_sendgrid__events") }}

    where event_kind = 'spamreport'

),

bounces as (

    select * from {{ ref("int_bounces") }}

),

feedback as (

    select * from {{ ref("stg_quality__contact_feedback") }}

    where
        reason in ('complained', 'bounced', 'invalid')
        and {{ until_as_of("noted_at") }}

),

held_emails as (

    select * from {{ ref("stg_quality__held_contact_points") }}

),

held_phone_numbers as (

    select * from {{ ref("stg_quality__held_phone_numbers") }}

),

reports as (

    select
        'email' as channel,
        coalesce(email, suggested_email) as contact_point,
        'complained' as reason

    from message_events

    where {{ until_as_of("happened_at") }}

    union all

    select
        channel,
        contact_point,
        'bounced' as reason

    from bounces

    union all

    -- what no message can reach is as good as bounced
    select
        channel,
        contact_point,
        case reason when 'invalid' then 'bounced' else reason end as reason

    from feedback

    union all

    -- a row that waits in quarantine may hold an opt-out: until it flows, silence
    select
        'email' as channel,
        email as contact_point,
        'in_quarantine' as reason

    from held_emails

    union all

    select
        channel,
        phone as contact_point,
        'in_quarantine' as reason

    from held_phone_numbers

),

final as (

    -- the gravest reason
    select
        channel,
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

    group by
        channel,
        contact_point

)

select * from final
