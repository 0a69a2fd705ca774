-- What advertising cost: one row per day, channel and campaign in `spending`. The
-- newsletter and the text messages are paid by the message, the rest by the day.

create table spending as
with

mailings as (

    select
        campaigns.campaign_id as campaign,
        strftime(moscow(campaigns.sent_at), '%Y-%m-%d') as spent_on,
        'email' as channel,
        'RUB' as currency,
        count(messages.processed_at) as impressions,
        count(messages.clicked_at) as clicks,
        (impressions * 0.35)::decimal(12, 2) as amount

    from campaigns

    inner join messages
        on messages.campaign_id = campaigns.campaign_id

    group by all

),

days as (

    select
        (moscow(getvariable('start_at'))::date + day_number::int)::date as day_on

    from range(getvariable('days')) as days(day_number)

),

ad_campaigns(channel, campaign, currency, per_customer, per_click) as (

    values
        ('context_ads', 'brand-search', 'RUB', 0.09, 14.0),
        ('context_ads', 'outdoor-search', 'RUB', 0.22, 31.0),
        ('context_ads', 'wander-suche', 'EUR', 0.0006, 0.6),
        ('social_ads', 'retargeting', 'RUB', 0.12, 19.0),
        ('social_ads', 'us-prospecting', 'USD', 0.0009, 0.8)

),

running as (

    select
        days.day_on,
        ad_campaigns.*

    from days

    cross join ad_campaigns

    union all

    select
        day_on,
        'sms',
        'sms-' || strftime(day_on, '%Y-%m'),
        'RUB',
        0.60,
        90.0

    from days

    where day(day_on) = 21

),

spent as (

    select
        strftime(day_on, '%Y-%m-%d') as spent_on,
        channel,
        campaign,
        currency,
        draws('spend', concat(day_on, '/', campaign)) as digest,

        greatest(
            getvariable('customers') * per_customer * (0.6 + 0.8 * share(digest, 0)), 1
        )::decimal(12, 2) as amount,

        round(amount / (per_click * (0.8 + 0.4 * share(digest, 1))))::bigint as clicks,

        floor(clicks * (20 + 60 * share(digest, 2)))::bigint as impressions

    from running

    union all by name

    select * from mailings

)

select * exclude (digest)

from spent;

-- The same by advertising platform: one row per platform, day and campaign. A platform
-- has the part of a campaign that lies between two bounds, so that the parts add up.
create view platform_spending as
with

parts(campaign, platform, lower_bound, upper_bound) as (

    values
        ('brand-search', 'google_ads', 0.0, 0.4),
        ('brand-search', 'yandex_direct', 0.4, 1.0),
        ('outdoor-search', 'yandex_direct', 0.0, 1.0),
        ('wander-suche', 'google_ads', 0.0, 1.0),
        ('retargeting', 'meta_ads', 0.0, 1.0),
        ('us-prospecting', 'meta_ads', 0.0, 1.0)

)

select
    parts.platform,
    spending.spent_on,
    spending.campaign,
    spending.currency,
    (amount * upper_bound)::decimal(12, 2) - (amount * lower_bound)::decimal(12, 2)
        as amount,
    floor(clicks * upper_bound)::bigint - floor(clicks * lower_bound)::bigint as clicks,
    floor(impressions * upper_bound)::bigint
        - floor(impressions * lower_bound)::bigint as impressions,
    row_number() over (
        partition by parts.platform
        order by spending.spent_on, spending.campaign
    ) as number

from spending

inner join parts
    on parts.campaign = spending.campaign;

create schema ads;

create table ads.campaign_costs as
with

drawn as (

    select
        spending.*,
        row_number() over (order by spent_on, channel, campaign) as number,
        draws('ads.campaign_costs.amount', number) as amount_digest,
        draws('ads.campaign_costs delivery', number) as delivery_digest

    from spending

),

ruled as (

    select
        drawn.*,

        case when share(amount_digest, 0) < getvariable('rates').minor_units
            then 'minor_units'
        end as amount_rule,

        if(
            amount_rule is null, amount::varchar, (amount * 100)::bigint::varchar
        ) as delivered_amount

    from drawn

),

delivered as (

    select
        ruled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from ruled

)

select
    number as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('amount', amount_rule, amount::varchar, delivered_amount),
    ]) as _defects,

    spent_on as "Date",
    channel as "Channel",
    campaign as "Campaign",
    currency as "Currency",
    delivered_amount as "Amount",
    if(amount_rule is null, 'major', 'minor') as "Amount unit",
    impressions as "Impressions",
    clicks as "Clicks"

from delivered

order by number + delay // 3600, number, copy;
