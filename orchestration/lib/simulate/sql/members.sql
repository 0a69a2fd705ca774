-- The newsletter: one row per monthly campaign in `campaigns`, one row per mailbox that
-- ever opted in in `members`, with how and when that ended if it did. The three
-- Mailchimp files are what the audience shows of it.

create table campaigns as
with

months as (

    select
        month_number,
        moscow(getvariable('start_at'))::date as start_on,
        date_trunc('month', start_on) + to_months(month_number::int) as month_on,
        draws('campaign', strftime(month_on, '%Y-%m')) as digest

    from range(1 + getvariable('days') // 28) as months(month_number)

),

scheduled as (

    select
        'newsletter-' || strftime(month_on, '%Y-%m') as campaign_id,

        pick(
            [
                'New arrivals',
                'Ready for the trail',
                'Our readers'' picks',
                'Season sale'
            ],
            share(digest, 0)
        ) || ', ' || strftime(month_on, '%B %Y') as title,

        -- Ten in the morning of a day between the 3rd and the 22nd.
        (
            epoch(month_on) + 86400 * (2 + floor(share(digest, 1) * 20)) + 36000 - 10800
        )::bigint as sent_at,

        if(
            share(digest, 2) < 0.5, '"newsletter"', '["newsletter","monthly"]'
        ) as category

    from months

)

select
    row_number() over (order by sent_at) as number,
    scheduled.*

from scheduled

-- Three days are left for everything that a message sets off.
where sent_at >= getvariable('start_at')
    and sent_at + 86400 * 3 <= getvariable('end_at')

order by sent_at;

create table members as
with

opted_in as (

    select
        mailboxes.*,
        draws('member', email) as digest,
        draws('fate', email) as fate_digest,

        -- Half sign up with the registration, the others some day later.
        (
            registered_at
            + floor(
                (getvariable('end_at') - registered_at)
                * greatest(2 * fine_share(digest, 1) - 1, 0)
            )
        )::bigint as joined_at

    from mailboxes

    where share(digest, 0) < case slot when 1 then 0.60 when 2 then 0.25 else 0.15 end

),

received as (

    select
        opted_in.*,

        -- A mailing goes out over three hours, always in the same order.
        floor(share(fate_digest, 0) * 10800)::bigint as send_delay,

        coalesce(campaigns.number, 1 + (select count(*) from campaigns))
            as first_campaign,

        (select count(*) from campaigns) as last_campaign,

        case
            when share(fate_digest, 1) < 0.85 then null
            when share(fate_digest, 1) < 0.95 then 'unsubscribe'
            when share(fate_digest, 1) < 0.965 then 'complaint'
            else 'bounce'
        end as fate

    from opted_in

    asof left join campaigns
        on opted_in.joined_at < campaigns.sent_at

),

-- What ends a membership is a campaign, so without one it lasts.
fated as (

    select
        received.* exclude (fate),

        case when first_campaign <= last_campaign then fate end as ended_by,

        case when ended_by is not null then
            first_campaign + floor(
                share(fate_digest, 2) * (1 + last_campaign - first_campaign)
            )::bigint
        end as ending_campaign

    from received

),

ended as (

    select
        fated.* exclude (digest, fate_digest),

        campaigns.campaign_id as ending_campaign_id,
        campaigns.title as ending_title,

        -- Addresses bounce within a minute, people take their time.
        case
            when ended_by = 'bounce' then
                campaigns.sent_at + send_delay + 5
                + floor(share(fate_digest, 3) * 50)::bigint
            when ended_by is not null then
                campaigns.sent_at + send_delay + 600
                + floor(share(fate_digest, 3) * 72000)::bigint
        end as ended_at,

        -- Some opt-outs never reach one of the two systems.
        ended_by is not null
            and (ended_by = 'bounce' or share(fate_digest, 4) >= 0.12)
            as is_end_known_to_mailchimp,

        ended_by is not null
            and (ended_by <> 'unsubscribe' or share(fate_digest, 4) < 0.88)
            as is_end_known_to_sendgrid,

        case
            when not is_end_known_to_mailchimp then 'subscribed'
            when ended_by = 'bounce' then 'cleaned'
            else 'unsubscribed'
        end as status

    from fated

    left join campaigns
        on campaigns.number = fated.ending_campaign

)

select
    row_number() over (order by joined_at, email) as member,
    ended.*,
    printf(
        '%04x%06x', floor(share(draws('member key', email), 0) * 65536)::int,
        scramble(member, 16777216)
    ) as euid

from ended

order by member;

create schema mailchimp;

create table audience as
with

described as (

    select
        members.*,
        people.* exclude (
            person, registered_at, last_name, last_latin, region, latitude, longitude,
            time_zone, gmtoff, dstoff
        ),
        then_or_now(joined_at, renamed_at, former_last_name, people.last_name)
            as last_name,
        then_or_now(joined_at, renamed_at, former_last_latin, people.last_latin)
            as last_latin,
        then_or_now(joined_at, moved_at, former_home.region, people.region) as region,
        then_or_now(joined_at, moved_at, former_home.latitude, people.latitude)
            as latitude,
        then_or_now(joined_at, moved_at, former_home.longitude, people.longitude)
            as longitude,
        then_or_now(joined_at, moved_at, former_home.time_zone, people.time_zone)
            as time_zone,
        then_or_now(joined_at, moved_at, former_home.gmtoff, people.gmtoff) as gmtoff,
        then_or_now(joined_at, moved_at, former_home.dstoff, people.dstoff) as dstoff,
        draws('mailchimp', member) as digest,
        draws('mailchimp.delivery', member) as delivery_digest

    from members

    inner join people
        on people.person = members.person

),

delivered as (

    select
        described.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from described

)

select
    status as _status,
    member as _row,
    copy as _copy,
    1 as _lines,
    null::spoiled_cell[] as _defects,

    email as "Email Address",
    spelled(
        first_name, first_latin, first_short, first_short_latin,
        share(digest, 0) < 0.40, share(digest, 1) < 0.15
    ) as "First Name",
    if(share(digest, 0) < 0.40, last_latin, last_name) as "Last Name",
    1 + floor(share(digest, 2) * 5)::int as "MEMBER_RATING",
    utc(joined_at)::varchar as "OPTIN_TIME",
    concat('192.0.2.', floor(share(digest, 3) * 256)::int) as "OPTIN_IP",
    utc(joined_at)::varchar as "CONFIRM_TIME",
    "OPTIN_IP" as "CONFIRM_IP",
    latitude as "LATITUDE",
    longitude as "LONGITUDE",
    gmtoff as "GMTOFF",
    dstoff as "DSTOFF",
    time_zone as "TIMEZONE",
    lower(country) as "CC",
    region as "REGION",
    utc(if(is_end_known_to_mailchimp, ended_at, joined_at))::varchar
        as "LAST_CHANGED",
    200000000 + member as "LEID",
    euid as "EUID",
    '' as "NOTES",

    utc(ended_at)::varchar as "UNSUB_TIME",
    ending_title as "UNSUB_CAMPAIGN_TITLE",
    ending_campaign_id as "UNSUB_CAMPAIGN_ID",
    if(
        ended_by = 'complaint',
        'SPAM',
        pick(['NORMAL', 'NOSIGNUP', 'INAPPROPRIATE', 'OTHER'], share(digest, 4))
    ) as "UNSUB_REASON",
    if("UNSUB_REASON" = 'OTHER', 'Too many messages, "daily" at times', '')
        as "UNSUB_REASON_OTHER",

    "UNSUB_TIME" as "CLEAN_TIME",
    ending_title as "CLEAN_CAMPAIGN_TITLE",
    ending_campaign_id as "CLEAN_CAMPAIGN_ID",

    case
        when share(digest, 5) < 0.10 then '"VIP","Blog"'
        when share(digest, 5) < 0.30 then '"Blog"'
        when share(digest, 5) < 0.40 then '"VIP"'
        else ''
    end as "TAGS"

from delivered

order by joined_at + delay, member, copy;

create table mailchimp.subscribed_members as
select columns(lambda name: not regexp_matches(name, '^(_status|UNSUB_|CLEAN_)'))
from audience
where _status = 'subscribed'
order by audience.rowid;

create table mailchimp.unsubscribed_members as
select columns(lambda name: not regexp_matches(name, '^(_status|CLEAN_)'))
from audience
where _status = 'unsubscribed'
order by audience.rowid;

create table mailchimp.cleaned_members as
select columns(lambda name: not regexp_matches(name, '^(_status|UNSUB_)'))
from audience
where _status = 'cleaned'
order by audience.rowid;
