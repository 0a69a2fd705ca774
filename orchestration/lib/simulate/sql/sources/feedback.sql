-- Messages of buyers about an order and of contacts about anything, and what those who
-- left said when they were asked.

create schema feedback;

create table feedback.messages as
with

about_orders as (

    select
        draws('feedback', order_id) as digest,
        person,
        email,
        phone,
        name as order_name,
        ordered_at + floor(864000 * share(digest, 1))::bigint as sent_at

    from orders

    where share(digest, 0) < 0.04

),

about_anything as (

    select
        draws('feedback', email) as digest,
        person,
        email,
        null as phone,
        null as order_name,
        (
            created_at + floor((getvariable('end_at') - created_at) * share(digest, 1))
        )::bigint as sent_at

    from contacts

    where share(digest, 0) < 0.03
        and created_at >= getvariable('start_at')

),

sent as (

    select * from about_orders

    union all

    select * from about_anything

),

clean as (

    select
        sent.*,
        row_number() over (order by sent_at, sent.person, email, order_name) as number,
        people.first_name,
        iso_text(sent_at) as sent_text,
        email_in_case(email, share(digest, 2)) as typed_email,
        phone_in_style(phone, share(digest, 3)) as typed_phone,
        pick(
            ['web_form', 'web_form', 'Входящее письмо', 'chat', 'social', 'phone'],
            share(digest, 4)
        ) as channel,
        pick(
            ['complaint', 'complaint', 'question', 'praise', 'suggestion'],
            share(digest, 5)
        ) as kind,
        case kind
            when 'complaint' then concat(
                'Заказ опоздал на неделю, а обещали "завтра".', chr(10), 'Жду ответа'
            )
            when 'question' then 'Do you deliver to the mountains, too?'
            when 'praise' then 'Палатка выдержала шторм; спасибо!'
            else 'Please sell tent pegs one by one'
        end as message

    from sent

    inner join people
        on people.person = sent.person

    where sent_at < getvariable('end_at')

),

drawn as (

    select
        clean.*,
        draws('feedback.messages.sent_at', number) as sent_digest,
        draws('feedback.messages.email', number) as email_digest,
        draws('feedback.messages.phone', number) as phone_digest,
        draws('feedback.messages.kind', number) as kind_digest,
        draws('feedback.messages delivery', number) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        written_date_rule(sent_at, sent_digest) as sent_rule,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,
        text_rule(kind, kind_digest) as kind_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(kind, kind_rule) as delivered_kind,
        if(
            sent_rule is null, sent_text, strftime(moscow(sent_at), '%d/%m/%Y %H:%M')
        ) as delivered_sent

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    number as _row,
    copy as _copy,
    1 + len(message) - len(replace(message, chr(10), '')) as _lines,
    defects_among([
        defect('sent_at', sent_rule, sent_text, delivered_sent),
        defect('email', email_rule, typed_email, delivered_email),
        defect('phone', phone_rule, typed_phone, delivered_phone),
        defect('kind', kind_rule, kind, delivered_kind),
    ]) as _defects,
    person as _person,

    'F-' || number as "Message ID",
    delivered_sent as "Sent at",
    first_name as "Name",
    delivered_email as "Email",
    delivered_phone as "Phone",
    channel as "Channel",
    delivered_kind as "Kind",
    message as "Text",
    order_name as "Order number",
    case kind
        when 'complaint' then 1 + floor(share(digest, 6) * 2)::int
        when 'praise' then 5
    end as "Rating",
    pick(['yes', 'yes', 'no', null], share(digest, 7)) as "Consent to contact"

from delivered

order by sent_at + delay, number, copy;

create table feedback.churn_reasons as
with

lapsed as (

    select
        person,
        max(ordered_at) as last_ordered_at

    from orders

    where is_paid

    group by person

    having last_ordered_at < getvariable('end_at') - 200 * 86400

),

asked as (

    select
        contacts.record_id,
        contacts.email,
        people.phones[1] as phone,
        draws('churn', contacts.record_id) as digest,
        last_ordered_at + floor(86400 * (120 + 79 * share(digest, 1)))::bigint
            as left_at

    from lapsed

    inner join contacts
        on contacts.person = lapsed.person
        and contacts.slot = 1

    inner join people
        on people.person = lapsed.person

    where share(digest, 0) < 0.4

),

clean as (

    select
        asked.*,
        strftime(moscow(left_at), '%d.%m.%Y') as left_text,
        phone_in_style(phone, share(digest, 2)) as typed_phone,
        pick(
            [
                'Цена', 'Цена', 'Доставка', 'Ассортимент', 'Ушёл к конкуренту',
                'Рассылки', 'Нет потребности', 'Не назвал'
            ],
            share(digest, 3)
        ) as reason,
        draws('feedback.churn_reasons.left_on', record_id) as left_digest,
        draws('feedback.churn_reasons.email', record_id) as email_digest,
        draws('feedback.churn_reasons.phone', record_id) as phone_digest,
        draws('feedback.churn_reasons.reason', record_id) as reason_digest,
        draws('feedback.churn_reasons delivery', record_id) as delivery_digest

    from asked

),

ruled as (

    select
        clean.*,
        written_date_rule(left_at, left_digest) as left_rule,
        nullif(email_rule(email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,
        text_rule(reason, reason_digest) as reason_rule

    from clean

),

-- A Cyrillic letter among Latin ones is written in cp1251 like any other.
spoiled as (

    select
        ruled.*,
        spoil_email(email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(reason, reason_rule) as delivered_reason,
        if(left_rule is null, left_text, strftime(moscow(left_at), '%d/%m/%Y'))
            as delivered_left

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
        defect('left_on', left_rule, left_text, delivered_left),
        defect('email', email_rule, email, delivered_email),
        defect('phone', phone_rule, typed_phone, delivered_phone),
        defect('reason', reason_rule, reason, delivered_reason),
    ]) as _defects,

    record_id as "ID контакта",
    delivered_email as "E-mail",
    delivered_phone as "Телефон",
    delivered_left as "Дата ухода",
    delivered_reason as "Причина",
    if(share(digest, 4) < 0.2, 'Сказал: "дорого"; подумает', null) as "Комментарий",
    if(
        reason = 'Ушёл к конкуренту',
        pick(['Горный мир', 'Тропа и тент'], share(digest, 5)),
        null
    ) as "Конкурент",
    pick(['Ольга Титова', 'Антон Белов'], share(digest, 6)) as "Менеджер"

from delivered

order by left_at + delay, record_id, copy;
