-- Klaviyo, which thanks for orders beside the newsletter: one row per mailbox that it
-- knows in `klaviyo_profiles`, and its two exports.

create table klaviyo_profiles as
with

known as (

    select
        mailboxes.*,
        members.joined_at,
        members.ended_at,
        members.ended_by,
        draws('klaviyo', mailboxes.email) as digest

    from mailboxes

    left join members
        on members.email = mailboxes.email

    where share(digest, 0) < 0.35

)

select
    row_number() over (order by registered_at, email) as profile,
    concat('01', upper(md5(concat(getvariable('seed'), '/klaviyo/', email))[:24]))
        as profile_id,
    known.*,

    -- Klaviyo, too, misses some of the opt-outs.
    ended_at is not null and share(digest, 1) < 0.90 as is_end_known

from known;

create schema klaviyo;

create table klaviyo_events as
with

thanked as (

    select
        profiles.profile_id,
        orders.order_id,
        orders.name,
        orders.total_amount,
        orders.currency,
        draws('thank-you', orders.order_id) as digest,
        orders.ordered_at as placed_at,

        -- To subscribers only, who are some for three more days at least.
        if(
            orders.is_paid
            and profiles.joined_at < orders.ordered_at + 86400
            and coalesce(profiles.ended_at, getvariable('end_at'))
            > orders.ordered_at + 86400 * 4,
            orders.ordered_at + 86400,
            null
        ) as received_at,

        if(
            share(digest, 0) < 0.45,
            received_at + 90 + floor(172800 * share(digest, 1) * share(digest, 1))::bigint,
            null
        ) as opened_at,

        if(
            share(digest, 2) < 0.20,
            opened_at + 5 + floor(share(digest, 3) * 120)::bigint,
            null
        ) as clicked_at

    from orders

    inner join klaviyo_profiles as profiles
        on profiles.email = orders.email

),

happened as (

    unpivot thanked on
        placed_at as 'Placed Order',
        received_at as 'Received Email',
        opened_at as 'Opened Email',
        clicked_at as 'Clicked Email'
    into name metric value happened_at

)

select
    concat(order_id, '/', metric) as row_id,
    profile_id,
    metric,
    happened_at,
    if(
        metric = 'Placed Order',
        to_json({
            '$value': total_amount, '$currency_code': currency, 'OrderId': name
        }),
        json_merge_patch('{}', to_json({
            '$message': 'Xy1Z8k',
            '$flow': 'WFl0wT',
            'Campaign Name': 'Thank you',
            'URL': if(
                metric = 'Clicked Email',
                'https://shop.example.com/?utm_campaign=thank-you',
                null
            )
        }))
    ) as properties

from happened

union all

select
    concat(profile_id, '/Unsubscribed'),
    profile_id,
    'Unsubscribed',
    ended_at,
    to_json({'$message': 'Xy1Z8k'})

from klaviyo_profiles

where is_end_known
    and ended_by = 'unsubscribe';

create table klaviyo.events as
with

delivered as (

    select
        klaviyo_events.*,
        md5(concat(getvariable('seed'), '/', row_id)) as event_key,
        unnest(
            deliveries(draws('klaviyo.events delivery', row_id)), recursive := true
        )

    from klaviyo_events

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    null::spoiled_cell[] as _defects,

    to_json({
        'object': 'event',
        'id': event_key[:12],
        'statistic_id': upper(md5(metric)[:6]),
        'timestamp': happened_at,
        'event_name': metric,
        'event_properties': properties,
        'datetime': strftime(utc(happened_at), '%Y-%m-%d %H:%M:%S+00:00'),
        'uuid': event_key::uuid,
        'person': {'object': 'person', 'id': profile_id},
        'flow_id': if(metric like '% Email', 'WFl0wT', null),
        'flow_message_id': if(metric like '% Email', 'Xy1Z8k', null),
        'campaign_id': null
    })::varchar as event

from delivered

order by happened_at + delay, row_id, copy;

create table klaviyo.profiles as
with

acted as (

    select
        profile_id,
        min(happened_at) as first_at,
        max(happened_at) as last_at,
        max(happened_at) filter (metric = 'Opened Email') as opened_at,
        max(happened_at) filter (metric = 'Clicked Email') as clicked_at,
        count(*) filter (metric = 'Placed Order') as order_count

    from klaviyo_events

    group by profile_id

),

clean as (

    select
        profiles.*,
        acted.* exclude (profile_id),
        people.first_latin,
        people.last_latin,
        people.city_latin,
        people.region,
        people.country_name,
        people.zip,
        people.latitude,
        people.longitude,
        if(share(profiles.digest, 2) < 0.30, people.phones[1], null) as phone,
        email_in_case(profiles.email, share(profiles.digest, 3)) as typed_email,
        draws('klaviyo.profiles.email', profile) as email_digest,
        draws('klaviyo.profiles.phone_number', profile) as phone_digest,
        draws('klaviyo.profiles.profile_created_on', profile) as created_digest,
        draws('klaviyo.profiles delivery', profile) as delivery_digest

    from klaviyo_profiles as profiles

    inner join people
        on people.person = profiles.person

    left join acted
        on acted.profile_id = profiles.profile_id

),

-- Profiles may lack either contact, so none is blanked.
ruled as (

    select
        clean.*,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule,
        -- The rule goes by the day in Moscow, the export is in UTC.
        written_date_rule(registered_at - 10800, created_digest) as created_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        utc(registered_at)::varchar as created,
        if(
            created_rule is null,
            created,
            strftime(utc(registered_at), '%d/%m/%Y %H:%M:%S')
        ) as delivered_created

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    profile as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('email', email_rule, typed_email, delivered_email),
        defect('phone_number', phone_rule, phone, delivered_phone),
        defect('profile_created_on', created_rule, created, delivered_created),
    ]) as _defects,

    delivered_email as "Email",
    profile_id as "Klaviyo ID",
    first_latin as "First Name",
    last_latin as "Last Name",
    null as "Organization",
    null as "Title",
    delivered_phone as "Phone Number",
    null as "Address",
    null as "Address 2",
    city_latin as "City",
    region as "State / Region",
    country_name as "Country",
    zip as "Zip Code",
    latitude as "Latitude",
    longitude as "Longitude",
    if(joined_at is null, 'Shopify', 'Footer form') as "Source",
    null as "IP Address",
    case
        when joined_at is null then 'NEVER_SUBSCRIBED'
        when is_end_known and ended_by <> 'bounce' then 'UNSUBSCRIBED'
        else 'SUBSCRIBED'
    end as "Email Marketing Consent",
    utc(
        if("Email Marketing Consent" = 'UNSUBSCRIBED', ended_at, joined_at)
    )::varchar as "Email Marketing Consent Timestamp",
    null as "Historic Customer Lifetime Value",
    null as "Total Customer Lifetime Value",
    null as "Predicted Customer Lifetime Value",
    null as "Average Order Value",
    coalesce(order_count, 0) as "Historic Number Of Orders",
    utc(coalesce(first_at, registered_at))::varchar as "First Active",
    utc(coalesce(last_at, registered_at))::varchar as "Last Active",
    delivered_created as "Profile Created On",
    utc(joined_at)::varchar as "Date Added",
    utc(opened_at)::varchar as "Last Open",
    utc(clicked_at)::varchar as "Last Click",
    null as "Average Days Between Orders",
    case
        when is_end_known then case ended_by
            when 'bounce' then '["HARD_BOUNCE"]'
            when 'complaint' then '["UNSUBSCRIBED","SPAM_COMPLAINT"]'
            else '["UNSUBSCRIBED"]'
        end
        when joined_at is null and share(digest, 4) < 0.01 then '["USER_SUPPRESSED"]'
        else '[]'
    end as "Email Suppressions"

from delivered

order by registered_at + delay, profile, copy;
