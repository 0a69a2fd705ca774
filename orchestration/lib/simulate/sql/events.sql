-- What became of every newsletter message: one row per message in `messages`, one row
-- per event in `sendgrid.events`, whose only column is the JSON object.

create table messages as
with

addressed as (

    select
        members.*,
        unnest(
            range(
                first_campaign,
                1 + least(coalesce(ending_campaign + 1, last_campaign), last_campaign)
            )
        ) as campaign_number

    from members

),

drawn as (

    select
        addressed.*,
        campaign_number is not distinct from ending_campaign as is_last,
        coalesce(campaign_number > ending_campaign, false) as is_dropped,
        100000 * member + campaign_number as message,
        draws('message', message) as digest

    from addressed

),

-- A newsletter goes to a part of its members and to whoever it will lose. Some lost
-- ones it tries once more: such a message is dropped, never sent.
written as (

    select
        drawn.*,
        campaigns.campaign_id,
        campaigns.category,
        campaigns.sent_at + send_delay as written_at,
        not is_dropped and not (is_last and ended_by = 'bounce') as is_delivered

    from drawn

    inner join campaigns
        on campaigns.number = drawn.campaign_number

    where case
        when is_last then true
        when is_dropped then
            is_end_known_to_sendgrid and share(drawn.digest, 0) < 0.40
        else share(drawn.digest, 0) < 0.20
    end

)

select
    message,
    email,
    campaign_id,
    category,
    ended_by,
    digest,

    if(not is_dropped, written_at, null) as processed_at,

    if(is_dropped, written_at, null) as dropped_at,

    if(is_delivered, written_at + 2, null) as delivered_at,

    -- Half of the opens fall into the first twelve hours, the last into the second day;
    -- whoever leaves has read before.
    if(
        is_delivered and share(digest, 1) < 0.36,
        least(
            written_at + 120
            + floor(172800 * share(digest, 2) * share(digest, 2))::bigint,
            if(is_last, ended_at, null) - 60
        ),
        null
    ) as opened_at,

    case
        when email like '%@gmail.com' then share(digest, 5) < 0.30
        when email like '%@icloud.com' then share(digest, 5) < 0.50
        else false
    end as is_opened_by_proxy,

    if(
        share(digest, 3) < 0.16,
        opened_at + 1 + floor(share(digest, 4) * 58)::bigint,
        null
    ) as clicked_at,

    if(is_last and ended_by = 'bounce', ended_at, null) as bounced_at,

    if(
        is_last and ended_by = 'unsubscribe' and is_end_known_to_sendgrid,
        ended_at,
        null
    ) as unsubscribed_at,

    if(is_last and ended_by = 'complaint', ended_at, null) as complained_at

from written;

create table happenings as
with

happened as (

    unpivot messages on
        processed_at as 'processed',
        dropped_at as 'dropped',
        delivered_at as 'delivered',
        opened_at as 'open',
        clicked_at as 'click',
        bounced_at as 'bounce',
        unsubscribed_at as 'unsubscribe',
        complained_at as 'spamreport'
    into name event value happened_at

),

delivered as (

    select
        happened.*,
        unnest(
            deliveries(draws('sendgrid.events delivery', concat(message, '/', event))),
            recursive := true
        )

    from happened

)

select * exclude (delay)

from delivered

order by happened_at + delay, message, event, copy;

create schema sendgrid;

create table sendgrid.events as
with

keyed as (

    select
        happenings.*,
        md5(concat(getvariable('seed'), '/', message)) as message_key,
        md5(concat(getvariable('seed'), '/', message, '/', event)) as event_key,
        event in ('open', 'click') as is_read

    from happenings

)

select
    event_key as _row,
    copy as _copy,
    1 as _lines,
    null::spoiled_cell[] as _defects,

    -- concat skips what is null, and with it the keys that an event does not have.
    concat(
        '{"email":"', email, '"',
        ',"timestamp":', happened_at,
        ',"smtp-id":"<', message_key[:12], '@mail>"',
        ',"event":"', event, '"',
        ',"category":', category,
        ',"sg_event_id":"', event_key[:16], '"',
        case when event <> 'dropped' then
            concat(',"sg_message_id":"', message_key[:16], '"')
        end,
        ',"campaign_id":"', campaign_id, '"',

        -- Google's proxy names itself; Apple's is known by saying no more than this.
        case when is_read then concat(
            ',"useragent":"',
            case
                when event = 'open' and is_opened_by_proxy
                    and email like '%@gmail.com'
                    then 'Mozilla/5.0 (via ggpht.com GoogleImageProxy)'
                when event = 'open' and is_opened_by_proxy then 'Mozilla/5.0'
                else pick(
                    [
                        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) Firefox/128.0',
                        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile',
                        'Mozilla/5.0 (Linux; Android 14) Chrome/128.0 Mobile'
                    ],
                    share(digest, 6)
                )
            end,
            '","ip":"198.51.100.', floor(share(digest, 7) * 256)::int, '"'
        ) end,

        if(
            event = 'click',
            concat(
                ',"url":"https://shop.example.com/?utm_campaign=', campaign_id, '"'
            ),
            null
        ),

        case
            when event = 'bounce' then
                ',"reason":"550 5.1.1 No such user","status":"5.1.1"'
            when event = 'dropped' then concat(
                ',"reason":"',
                case ended_by
                    when 'bounce' then 'Bounced Address'
                    when 'complaint' then 'Spam Reporting Address'
                    else 'Unsubscribed Address'
                end,
                '","status":""'
            )
        end,
        '}'
    ) as event

from keyed;
