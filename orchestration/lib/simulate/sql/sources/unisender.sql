-- Unisender, which sends promotions to some of the Russian mailboxes: one row per
-- mailbox in `unisender_contacts`, one per message in `unisender_messages`, and its two exports.

create table unisender_contacts as
with

known as (

    select
        mailboxes.*,
        people.first_name,
        members.joined_at,
        members.ended_at,
        members.ended_by,
        draws('unisender', mailboxes.email) as digest,
        if(share(digest, 1) < 0.50, people.phones[1][2:], null) as phone

    from mailboxes

    inner join people
        on people.person = mailboxes.person

    left join members
        on members.email = mailboxes.email

    where people.country = 'RU'
        and share(digest, 0) < 0.40

)

select
    row_number() over (order by registered_at, email) as contact,
    known.*,
    ended_at is not null and share(digest, 2) < 0.90 as is_end_known

from known;

-- A week after every third newsletter. Nothing is sent to who has left; what was still
-- tried comes back as an error.
create table unisender_messages as
with

addressed as (

    select
        unisender_contacts.* exclude (digest),
        8123000 + campaigns.number as campaign_id,
        campaigns.sent_at + 86400 * 7 as sent_at,
        10000 * contact + campaigns.number as message,
        draws('promotion', message) as digest

    from unisender_contacts

    inner join campaigns
        on unisender_contacts.joined_at < campaigns.sent_at

    where campaigns.number % 3 = 0
        and campaigns.sent_at + 86400 * 10 < getvariable('end_at')
        and share(digest, 0) < 0.50

),

resulting as (

    select
        addressed.*,

        case
            when ended_at < sent_at then case
                when share(digest, 1) < 0.20 and ended_by = 'bounce'
                    then 'err_user_unknown'
                when share(digest, 1) < 0.20 then 'err_unsubscribed'
            end
            when is_end_known and ended_by = 'unsubscribe'
                and ended_at < sent_at + 86400 * 21 then 'ok_unsubscribed'
            when ended_at < sent_at + 86400 * 3 then 'ok_delivered'
            when share(digest, 2) < 0.02 then 'err_mailbox_full'
            when share(digest, 2) < 0.03 then 'err_spam_rejected'
            when share(digest, 2) < 0.05 then 'ok_spam_folder'
            when share(digest, 2) < 0.12 then 'ok_link_visited'
            when share(digest, 2) < 0.40 then 'ok_read'
            else 'ok_delivered'
        end as send_result

    from addressed

)

select
    resulting.*,

    case
        when send_result = 'ok_unsubscribed' then ended_at
        when send_result in ('ok_read', 'ok_link_visited')
            then sent_at + 60 + floor(172800 * share(digest, 3))::bigint
        else sent_at + 5 + floor(share(digest, 3) * 60)::bigint
    end as updated_at

from resulting

where send_result is not null;

create schema unisender;

create table unisender.contacts as
with

reached as (

    select
        contact,
        max(sent_at) filter (send_result like 'ok_%') as delivered_at,
        max(updated_at) filter (send_result in ('ok_read', 'ok_link_visited'))
            as read_at,
        max(updated_at) filter (send_result = 'ok_link_visited') as clicked_at

    from unisender_messages

    group by contact

),

clean as (

    select
        unisender_contacts.*,
        reached.* exclude (contact),
        coalesce(joined_at, registered_at) as added_at,
        draws('unisender.contacts.email', unisender_contacts.contact) as email_digest,
        draws('unisender.contacts.phone', unisender_contacts.contact) as phone_digest,
        draws('unisender.contacts.email_add_time', unisender_contacts.contact)
            as added_digest,
        draws('unisender.contacts delivery', unisender_contacts.contact)
            as delivery_digest

    from unisender_contacts

    left join reached
        on reached.contact = unisender_contacts.contact

),

ruled as (

    select
        clean.*,
        nullif(email_rule(email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule,
        -- The rule goes by the day in Moscow, the export is in UTC.
        written_date_rule(added_at - 10800, added_digest) as added_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_email(email, email_rule, email_digest) as delivered_email,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        utc(added_at)::varchar as added,
        if(added_rule is null, added, strftime(utc(added_at), '%d/%m/%Y %H:%M:%S'))
            as delivered_added

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    contact as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('email', email_rule, email, delivered_email),
        defect('phone', phone_rule, phone, delivered_phone),
        defect('email_add_time', added_rule, added, delivered_added),
    ]) as _defects,

    delivered_email as email,
    case
        when joined_at is null and share(digest, 3) < 0.10 then 'inactive'
        when joined_at is null then 'new'
        when is_end_known and ended_by = 'bounce' then 'blocked'
        when is_end_known then 'unsubscribed'
        else 'active'
    end as email_status,
    case
        when email_status = 'blocked' then 'unreachable'
        when delivered_at is not null then 'available'
    end as email_availability,
    delivered_added as email_add_time,
    if(joined_at is null, null, concat('192.0.2.', floor(share(digest, 4) * 256)::int))
        as email_request_ip,
    utc(joined_at)::varchar as email_confirm_time,
    email_request_ip as email_confirm_ip,
    if(email_status = 'unsubscribed', null, if(share(digest, 5) < 0.3, '134,135', '134'))
        as email_list_ids,
    if(email_list_ids = '134', utc(added_at)::varchar, null) as email_subscribe_times,
    if(email_status = 'unsubscribed', '134', null) as email_unsubscribed_list_ids,
    null as email_excluded_list_ids,
    utc(delivered_at)::varchar as email_last_delivered_at,
    utc(read_at)::varchar as email_last_read_at,
    utc(clicked_at)::varchar as email_last_clicked_at,
    delivered_phone as phone,
    if(phone is null, null, 'new') as phone_status,
    null as phone_availability,
    if(phone is null, null, utc(added_at)::varchar) as phone_add_time,
    null as phone_request_ip,
    null as phone_confirm_time,
    null as phone_confirm_ip,
    null as phone_list_ids,
    null as phone_subscribe_times,
    null as phone_unsubscribed_list_ids,
    null as phone_excluded_list_ids,
    if(share(digest, 6) < 0.15, 'VIP,Поход', null) as tags,
    first_name as "Имя"

from delivered

order by added_at + delay, contact, copy;

create table unisender.deliveries as
with

drawn as (

    select
        unisender_messages.*,
        draws('unisender.deliveries.email', message) as email_digest,
        draws('unisender.deliveries.last_update', message) as updated_digest,
        draws('unisender.deliveries delivery', message) as delivery_digest

    from unisender_messages

),

ruled as (

    select
        drawn.*,
        -- A report holds each address once, and nobody's would be in it many times.
        case when email_rule(email, email_digest) not in ('missing_value', 'placeholder')
            then email_rule(email, email_digest)
        end as email_rule,
        written_date_rule(updated_at - 10800, updated_digest) as updated_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_email(email, email_rule, email_digest) as delivered_email,
        utc(updated_at)::varchar as updated,
        if(updated_rule is null, updated, strftime(utc(updated_at), '%d/%m/%Y %H:%M:%S'))
            as delivered_updated

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    message as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('email', email_rule, email, delivered_email),
        defect('last_update', updated_rule, updated, delivered_updated),
    ]) as _defects,

    campaign_id,
    delivered_email as email,
    send_result,
    delivered_updated as last_update

from delivered

order by sent_at, contact + delay // 3600, contact, copy;
