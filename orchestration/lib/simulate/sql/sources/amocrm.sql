-- amoCRM: half of the deals made in Russia, each with its contact. The columns stand in
-- the order of the header, which repeats names and so is not written from here.

create schema amocrm;

create macro day_first(instant) as strftime(moscow(instant), '%d.%m.%Y %H:%M:%S');

create macro is_in_amocrm(person) as share(draws('amocrm', person), 0) < 0.5;

create table amocrm.deals as
with

clean as (

    select
        deals.*,
        people.first_name || ' ' || people.last_name as contact_name,
        people.city,
        people.emails,
        companies.name as company_name,
        draws('amocrm.deals', deals.number) as digest,
        deals.amount::bigint::varchar as budget,
        day_first(deals.created_at) as created,
        '''' || people.phones[1][2:] as work_phone,
        '''' || people.phones[2][2:] as mobile_phone,
        email_in_case(people.emails[1], share(digest, 0)) as work_email

    from deals

    inner join people
        on people.person = deals.person

    left join companies
        on companies.number = deals.company

    where deals.country = 'RU'
        and is_in_amocrm(deals.person)

),

drawn as (

    select
        clean.*,
        draws('amocrm.deals.budget', number) as budget_digest,
        draws('amocrm.deals.created_at', number) as created_digest,
        draws('amocrm.deals.work_phone', number) as phone_digest,
        draws('amocrm.deals.mobile_phone', number) as mobile_digest,
        draws('amocrm.deals.work_email', number) as email_digest,
        draws('amocrm.deals delivery', number) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        amount_rule(budget, budget_digest) as budget_rule,
        written_date_rule(created_at, created_digest) as created_rule,
        phone_rule(work_phone, phone_digest) as phone_rule,
        nullif(phone_rule(mobile_phone, mobile_digest), 'missing_value') as mobile_rule,
        email_rule(work_email, email_digest) as email_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_amount(budget, budget_rule, budget_digest) as delivered_budget,
        spoil_date(created, created_at, created_rule) as delivered_created,
        spoil_phone(work_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_phone(mobile_phone, mobile_rule, mobile_digest) as delivered_mobile,
        spoil_email(work_email, email_rule, email_digest) as delivered_email

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
    1 as _lines,
    defects_among([
        defect('budget', budget_rule, budget, delivered_budget),
        defect('created_at', created_rule, created, delivered_created),
        defect('work_phone', phone_rule, work_phone, delivered_phone),
        defect('mobile_phone', mobile_rule, mobile_phone, delivered_mobile),
        defect('work_email', email_rule, work_email, delivered_email),
    ]) as _defects,

    31000000 + number as id,
    concat('Заказ "', item.sku, '"; ', quantity, ' шт') as deal_name,
    delivered_budget as budget,
    russian_manager(manager_share) as responsible,
    delivered_created as created_at,
    pick(['Форма на сайте', russian_manager(manager_share)], source_share)
        as created_by,
    day_first(modified_at) as edited_at,
    russian_manager(manager_share) as edited_by,
    coalesce(day_first(closed_at), 'не закрыта') as closed_at,
    pick(['опт', 'опт,палатки', null], share(digest, 1)) as tags,
    pick(['Перезвонить в среду', null, null], share(digest, 2)) as note,
    null as note_2,
    null as note_3,
    null as note_4,
    null as note_5,
    case status
        when 'won' then 'Успешно реализовано'
        when 'lost' then 'Закрыто и не реализовано'
        else ['Первичный контакт', 'Переговоры', 'Согласование договора'][stage]
    end as stage,
    'Воронка' as pipeline,
    contact_name,
    company_name as contact_company,
    russian_manager(manager_share) as contact_responsible,
    company_name as company,
    delivered_phone as work_phone,
    null as direct_phone,
    delivered_mobile as mobile_phone,
    null as fax,
    null as home_phone,
    null as other_phone,
    delivered_email as work_email,
    emails[2] as personal_email,
    null as other_email,
    city,
    pick(['Сайт', 'Звонок', null], source_share) as source,
    null as position,
    null as product,
    null as skype,
    null as icq,
    null as jabber,
    null as google_talk,
    null as msn,
    null as other_messenger,
    pick(['Да', null], share(digest, 3)) as user_agreement,
    null as cid,
    null as uid,
    null as tid,
    pick(['yandex', 'google', null], share(digest, 4)) as utm_source,
    pick(['cpc', 'organic', null], share(digest, 5)) as utm_medium,
    pick(['brand-search', 'outdoor-search', null], share(digest, 6)) as utm_campaign,
    null as utm_term,
    null as utm_content,
    null as utm_referrer,
    created_at * 1000000000 + number as ym_uid,
    null as ym_counter,
    null as roistat,
    null as referrer,
    null as openstat_service,
    null as openstat_campaign,
    null as openstat_ad,
    null as openstat_source,
    null as came_from,
    concat(1000000000 + number, '.', created_at) as gclientid,
    null as gclid,
    null as yclid,
    null as fbclid,
    null as google_id,
    null as roistat_2,
    null as keyword,
    null as adv_camp,
    null as traf_type,
    null as traf_src,
    item.product as product_2,
    item.vendor as manufacturer,
    null as cid_2,
    null as uid_2,
    null as tid_2,
    pick(['Яндекс', 'Рекомендация', null], share(digest, 7)) as source_2,
    'shop.example.com' as domain

from delivered

order by delivered.created_at + delay, number, copy;
