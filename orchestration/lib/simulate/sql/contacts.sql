-- The CRM: one row per contact in `contacts`. Most people have one, some a second one
-- under another mailbox, with the same phone.

create table contacts as
with

entered as (

    select
        addresses.*,
        draws('contact', if(is_shared, concat(email, '/', person), email)) as digest,

        -- The first contact is entered within days, a second one at any later time.
        (
            registered_at
            + floor(
                if(
                    slot = 1,
                    least(864000, getvariable('end_at') - registered_at),
                    getvariable('end_at') - registered_at
                ) * fine_share(digest, 1)
            )
        )::bigint as created_at

    from addresses

    where share(digest, 0) < case slot when 1 then 0.85 when 2 then 0.22 else 0.05 end

)

select
    5000 + 16 * row_number() over (order by created_at, email, person)
        + floor(share(digest, 3) * 16)::bigint as record_id,
    person,
    slot,
    email,
    digest,
    created_at,
    (
        created_at + floor((getvariable('end_at') - created_at) * share(digest, 4))
    )::bigint as modified_at

from entered

order by record_id;

create schema hubspot;

create table hubspot.contacts as
with

buyers as (

    select person

    from orders

    where is_paid

    group by person

),

clean as (

    select
        contacts.*,
        spelled(
            people.first_name, people.first_latin,
            people.first_short, people.first_short_latin,
            share(contacts.digest, 5) < 0.08, share(contacts.digest, 6) < 0.08
        ) as spelled_first_name,
        in_case(spelled_first_name, share(contacts.digest, 7)) as first_name,
        in_case(
            if(
                share(contacts.digest, 5) < 0.08,
                then_or_now(
                    contacts.created_at, people.renamed_at,
                    people.former_last_latin, people.last_latin
                ),
                then_or_now(
                    contacts.created_at, people.renamed_at,
                    people.former_last_name, people.last_name
                )
            ),
            share(contacts.digest, 7)
        ) as last_name,
        then_or_now(
            contacts.created_at, people.moved_at, people.former_home.city, people.city
        ) as city,
        people.country_name,
        people.language,
        people.birth_on,
        people.phones,
        buyers.person is not null as is_buyer,
        coalesce(members.status = 'unsubscribed', false)
            as is_unsubscribed,
        draws('hubspot.contacts', contacts.record_id) as style_digest,
        phone_in_style(people.phones[1], share(style_digest, 0)) as phone,
        phone_in_style(people.phones[2], share(style_digest, 1)) as mobile,
        email_in_case(contacts.email, share(style_digest, 2)) as typed_email

    from contacts

    inner join people
        on people.person = contacts.person

    left join members
        on members.email = contacts.email

    left join buyers
        on buyers.person = contacts.person

),

drawn as (

    select
        clean.*,
        draws('hubspot.contacts.first_name', record_id) as first_name_digest,
        draws('hubspot.contacts.email', record_id) as email_digest,
        draws('hubspot.contacts.phone_number', record_id) as phone_digest,
        draws('hubspot.contacts.mobile_phone_number', record_id) as mobile_digest,
        draws('hubspot.contacts.city', record_id) as city_digest,
        draws('hubspot.contacts.create_date', record_id) as created_digest,
        draws('hubspot.contacts delivery', record_id) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        text_rule(first_name, first_name_digest) as first_name_rule,
        email_rule(typed_email, email_digest) as email_rule,
        phone_rule(phone, phone_digest) as phone_rule,
        nullif(phone_rule(mobile, mobile_digest), 'missing_value') as mobile_rule,
        text_rule(city, city_digest) as city_rule,
        written_date_rule(created_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_text(first_name, first_name_rule) as delivered_first_name,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        spoil_phone(mobile, mobile_rule, mobile_digest) as delivered_mobile,
        spoil_text(city, city_rule) as delivered_city,
        strftime(moscow(created_at), '%Y-%m-%d %H:%M') as created,
        if(
            created_rule is null,
            created,
            strftime(moscow(created_at), '%d/%m/%Y %H:%M')
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
    record_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('first_name', first_name_rule, first_name, delivered_first_name),
        defect('email', email_rule, typed_email, delivered_email),
        defect('phone_number', phone_rule, phone, delivered_phone),
        defect('mobile_phone_number', mobile_rule, mobile, delivered_mobile),
        defect('city', city_rule, city, delivered_city),
        defect('create_date', created_rule, created, delivered_created),
    ]) as _defects,

    record_id as "Record ID",
    delivered_first_name as "First Name",
    last_name as "Last Name",
    delivered_email as "Email",
    delivered_phone as "Phone Number",
    delivered_mobile as "Mobile Phone Number",
    if(share(style_digest, 3) < 0.60, birth_on, null) as "Date of birth",
    delivered_city as "City",
    country_name as "Country/Region",
    language as "Preferred language",
    pick(
        ['Olga Titova', 'Anton Belov', 'Nina Weber', 'Mark Hill'],
        share(style_digest, 4)
    ) as "Contact owner",
    pick(['NEW', 'OPEN', 'IN_PROGRESS', 'CONNECTED', null], share(style_digest, 5))
        as "Lead Status",
    if(
        is_buyer,
        'customer',
        pick(['subscriber', 'lead', 'opportunity'], share(style_digest, 6))
    ) as "Lifecycle Stage",
    if(share(style_digest, 7) < 0.7, 'Marketing contact', 'Non-marketing contact')
        as "Marketing contact status",
    if(is_unsubscribed, 'Yes', 'No') as "Unsubscribed from all email",
    delivered_created as "Create Date",
    strftime(moscow(modified_at), '%Y-%m-%d %H:%M') as "Last Modified Date"

from delivered

order by created_at + delay, record_id, copy;
