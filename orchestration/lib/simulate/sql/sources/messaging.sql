-- Text messages, pushes and messengers of the last half-year: one row per message in
-- `channel_messages`, one row per event in the log. Text messages cost together what
-- sql/costs.sql says of their campaign.

create table channel_messages as
with

text_campaigns as (

    select
        "Campaign" as campaign_id,
        (epoch("Date"::date) + 43200 - 10800)::bigint as sent_at,
        "Impressions" as message_count,
        least("Clicks" / "Impressions", 1) as click_share,
        "Amount"::decimal(18, 2) / if("Amount unit" = 'minor', 100, 1) as amount

    from ads.campaign_costs

    where "Channel" = 'sms'
        and _copy = 0

),

texted as (

    select
        'sms' as channel,
        'sms-gate' as provider,
        text_campaigns.campaign_id,
        text_campaigns.sent_at,
        people.person,
        people.phones[1] as phone,
        null as recipient_id,
        draws('sms', concat(campaign_id, '/', people.person)) as digest,
        if(share(digest, 2) < 0.30, 2, 1) as segments,
        0.94 as delivered_share,
        0.0 as read_share,
        text_campaigns.click_share,
        null as cost,
        'RUB' as currency,
        text_campaigns.amount

    from text_campaigns

    inner join people
        on people.registered_at < text_campaigns.sent_at

    where fine_share(digest, 0) < message_count / getvariable('customers')

),

apps(
    channel, provider, prefix, user_share, delivered_share, read_share, click_share,
    cost, currency
) as (

    values
        ('push', 'push-hub', 'app', 0.25, 0.88, 0.0, 0.04, null, null),
        ('web_push', 'push-hub', 'web', 0.10, 0.90, 0.0, 0.03, null, null),
        ('whatsapp', 'wa-cloud', 'chat', 0.20, 0.96, 0.70, 0.08, 0.0647, 'EUR'),
        ('viber', 'sms-gate', 'chat', 0.15, 0.90, 0.60, 0.06, 1.9, 'RUB'),
        ('telegram', 'shop-bot', 'chat', 0.15, 0.98, 0.75, 0.10, null, null),
        ('chat_bot', 'site-bot', 'chat', 0.05, 0.99, 0.90, 0.12, null, null)

),

users as (

    select
        apps.*,
        people.person,
        people.phones[1] as phone,
        people.registered_at,
        md5(concat(getvariable('seed'), '/', apps.channel, '/', people.person))
            as recipient_id

    from apps

    inner join people
        on share(draws('user of', concat(apps.channel, '/', people.person)), 0)
        < apps.user_share

),

-- Two days after every other newsletter.
addressed as (

    select
        users.channel,
        users.provider,
        concat(users.prefix, campaigns.campaign_id[11:]) as campaign_id,
        campaigns.sent_at + 86400 * 2 as sent_at,
        users.person,
        if(users.channel in ('whatsapp', 'viber'), users.phone, null) as phone,
        if(users.channel in ('whatsapp', 'viber'), null, users.recipient_id)
            as recipient_id,
        draws('app message', concat(users.recipient_id, '/', campaigns.number))
            as digest,
        if(users.cost is null, null, 1) as segments,
        users.delivered_share,
        users.read_share,
        users.click_share,
        users.cost,
        users.currency,
        null as amount

    from users

    inner join campaigns
        on users.registered_at < campaigns.sent_at

    where campaigns.number % 2 = 0
        and share(digest, 0) < 0.50

),

sent as (

    select * from texted

    union all

    select * from addressed

),

numbered as (

    select
        sent.*,
        concat(channel, '/', campaign_id, '/', person) as row_id,
        900000 + row_number() over (order by sent_at, row_id) as message_id,

        -- A few say STOP, once for the channel.
        share(digest, 3) < 0.012 as is_stopping

    from sent

    where sent_at >= getvariable('end_at') - 86400 * 184

),

allowed as (

    select
        numbered.*,
        coalesce(
            bool_or(is_stopping) over (
                partition by channel, coalesce(phone, recipient_id)
                order by sent_at, row_id
                rows between unbounded preceding and 1 preceding
            ),
            false
        ) as has_stopped

    from numbered

)

select
    allowed.* exclude (has_stopped, cost, amount),

    -- Of a text campaign, what all its messages cost.
    coalesce(
        cost, segments * amount / sum(segments) over (partition by campaign_id)
    )::decimal(18, 4) as cost,

    if(share(digest, 4) < delivered_share or is_stopping, sent_at + 4, null)
        as delivered_at,

    if(
        share(digest, 5) < read_share,
        delivered_at + 30 + floor(7200 * share(digest, 6))::bigint,
        null
    ) as read_at,

    if(
        share(digest, 5) < click_share,
        delivered_at + 60 + floor(7200 * share(digest, 6))::bigint,
        null
    ) as clicked_at,

    if(
        delivered_at is null and channel in ('push', 'web_push', 'telegram'),
        sent_at + 1,
        null
    ) as failed_at,

    if(
        delivered_at is null and failed_at is null, sent_at + 86400, null
    ) as undelivered_at,

    if(
        channel <> 'push' and channel <> 'web_push' and share(digest, 7) < 0.01,
        delivered_at + 300,
        null
    ) as replied_at,

    if(is_stopping, delivered_at + 3600, null) as stopped_at

from allowed

where not has_stopped;

create schema messaging;

create table messaging.deliveries as
with

happened as (

    unpivot channel_messages on
        sent_at as 'sent',
        delivered_at as 'delivered',
        read_at as 'read',
        clicked_at as 'clicked',
        failed_at as 'failed',
        undelivered_at as 'undelivered',
        replied_at as 'replied',
        stopped_at as 'stopped'
    into name event value happened_at

),

clean as (

    select
        * exclude (cost, currency, segments, row_id),
        concat(row_id, '/', event) as row_id,
        if(event = 'sent', cost, null)::varchar as cost,
        if(event = 'sent', currency, null) as currency,
        if(event = 'sent', segments, null)::varchar as segments,
        draws('messaging.deliveries', concat(row_id, '/', event)) as cell_digest,
        draws('messaging.deliveries.phone', concat(row_id, '/', event))
            as phone_digest,
        draws('messaging.deliveries.event_time', concat(row_id, '/', event))
            as time_digest,
        draws('messaging.deliveries delivery', concat(row_id, '/', event))
            as delivery_digest

    from happened

    where happened_at < getvariable('end_at')

),

-- Costs are spoiled in one way at most, and only where the time says their day.
ruled as (

    select
        clean.*,

        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule,

        case
            when share(time_digest, 2) < getvariable('rates').unparsable_date
                then 'unparsable_date'
            else written_date_rule(happened_at, time_digest)
        end as time_rule,

        case when segments is not null
            and share(cell_digest, 0) < getvariable('rates').missing_value
                then 'missing_value'
        end as segments_rule,

        case when time_rule is null and cost is not null
            and share(cell_digest, 1) < getvariable('rates').currency_without_rate
                then 'currency_without_rate'
        end as currency_rule,

        case when currency_rule is null and contains(cost, '0')
            and share(cell_digest, 2) < getvariable('rates').letter_in_price
                then 'letter_for_digit'
        end as cost_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        strftime(moscow(happened_at), '%Y-%m-%dT%H:%M:%S+03:00') as event_time,
        case
            when time_rule = 'unparsable_date'
                then (moscow_day(happened_at) + 25569)::varchar
            when time_rule is not null
                then strftime(moscow(happened_at), '%d/%m/%Y %H:%M')
            else event_time
        end as delivered_time,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(segments, segments_rule) as delivered_segments,
        if(currency_rule is null, currency, 'KZT') as delivered_currency,
        case
            when currency_rule is not null then (cost::decimal(18, 4) * 6)::varchar
            when cost_rule is not null then with_letter_for_zero(cost, cell_digest)
            else cost
        end as delivered_cost

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('phone', phone_rule, phone, delivered_phone),
        defect('event_time', time_rule, event_time, delivered_time),
        defect('segments', segments_rule, segments, delivered_segments),
        defect('cost', cost_rule, cost, delivered_cost),
        defect('currency', currency_rule, currency, delivered_currency),
    ]) as _defects,

    channel as "Channel",
    provider as "Provider",
    message_id as "Message ID",
    campaign_id as "Campaign",
    delivered_phone as "Phone",
    recipient_id as "Recipient ID",
    event as "Event",
    delivered_time as "Event time",
    delivered_segments as "Segments",
    delivered_cost as "Cost",
    delivered_currency as "Currency",
    case
        when event = 'failed' and channel = 'telegram' then '403'
        when event = 'failed' then 'DeviceTokenNotRegistered'
        when event = 'undelivered' then pick(['27', '33', '255'], share(cell_digest, 3))
    end as "Error code",
    case
        when event = 'stopped' and channel in ('sms', 'viber', 'whatsapp')
            then pick(['STOP', 'Стоп', 'СТОП, "больше" не пишите'], share(cell_digest, 4))
        when event = 'replied' then pick(
            ['Спасибо!', 'Где мой заказ?', 'Есть в наличии, 42 размер?'],
            share(cell_digest, 4)
        )
    end as "Reply text"

from delivered

order by happened_at + delay, row_id, copy;
