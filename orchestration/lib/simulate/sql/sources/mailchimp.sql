-- What members did with the letter of welcome, which Mailchimp sends by itself when
-- somebody joins: one row per action, whose only column is the JSON object. Newsletters
-- go out through SendGrid, so that no message is told by two systems.

create table mailchimp.campaign_activity as
with

welcomed as (

    select
        member,
        email,
        coalesce(ended_at, getvariable('end_at')) as until_at,
        draws('welcome', member) as digest,

        if(
            share(digest, 0) < 0.55,
            joined_at + 60 + floor(86400 * share(digest, 1) * share(digest, 1))::bigint,
            null
        ) as opened_at,

        if(
            share(digest, 2) < 0.30,
            opened_at + 5 + floor(share(digest, 3) * 90)::bigint,
            null
        ) as clicked_at,

        if(share(digest, 0) >= 0.98, joined_at + 12, null) as bounced_at

    from members

),

happened as (

    unpivot welcomed on
        opened_at as 'open',
        clicked_at as 'click',
        bounced_at as 'bounce'
    into name action value happened_at

),

delivered as (

    select
        happened.*,
        concat(member, '/', action) as row_id,
        unnest(
            deliveries(draws('mailchimp.campaign_activity delivery', row_id)),
            recursive := true
        )

    from happened

    where happened_at < until_at

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    null::spoiled_cell[] as _defects,

    json_merge_patch('{}', to_json({
        'campaign_id': '42694e9e57',
        'list_id': '382de78e4c',
        'list_is_active': true,
        'email_id': md5(lower(email)),
        'email_address': email,
        'action': action,
        'type': if(action = 'bounce', 'soft', null),
        'timestamp': strftime(utc(happened_at), '%Y-%m-%dT%H:%M:%S+00:00'),
        'url': if(action = 'click', 'https://shop.example.com/?utm_campaign=welcome', null),
        'ip': if(
            action = 'bounce',
            null,
            concat('198.51.100.', floor(share(digest, 4) * 256)::int)
        )
    }))::varchar as event

from delivered

order by happened_at + delay, row_id, copy;
