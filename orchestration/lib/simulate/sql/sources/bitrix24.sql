-- Bitrix24: half of the Russian people as contacts, the Russian companies, and the
-- Russian deals that amoCRM does not have.

create schema bitrix24;

create macro escaped(text) as replace(
    replace(replace(replace(text, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'),
    '"',
    '&quot;'
);

create macro table_row(cells) as concat(
    '<tr>',
    array_to_string(
        list_transform(
            cells, lambda cell: concat('<td>', escaped(coalesce(cell, '')), '</td>')
        ),
        ''
    ),
    '</tr>'
);

create table bitrix24.contacts as
with

entered as (

    select
        people.*,
        draws('bitrix24.contacts', people.person) as digest,
        greatest(people.registered_at, getvariable('start_at')) as since,
        (since + floor((getvariable('end_at') - since) * fine_share(digest, 1)))::bigint
            as created_at,
        (
            created_at
            + floor((getvariable('end_at') - created_at) * share(digest, 3))
        )::bigint as modified_at

    from people

    where people.country = 'RU'
        and share(draws('bitrix24.contacts', people.person), 0) < 0.5

),

clean as (

    select
        entered.*,
        companies.name as company_name,
        day_first(entered.created_at) as created,
        phone_in_style(phones[1], share(entered.digest, 4)) as work_phone,
        phone_in_style(phones[2], share(entered.digest, 5)) as mobile_phone,
        email_in_case(emails[1], share(entered.digest, 6)) as work_email,
        russian_manager(share(entered.digest, 7)) as manager

    from entered

    left join employments
        on employments.person = entered.person

    left join companies
        on companies.number = employments.company

),

drawn as (

    select
        clean.*,
        draws('bitrix24.contacts.first_name', person) as first_name_digest,
        draws('bitrix24.contacts.city', person) as city_digest,
        draws('bitrix24.contacts.work_phone', person) as phone_digest,
        draws('bitrix24.contacts.mobile_phone', person) as mobile_digest,
        draws('bitrix24.contacts.work_email', person) as email_digest,
        draws('bitrix24.contacts.created_at', person) as created_digest,
        draws('bitrix24.contacts delivery', person) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        text_rule(first_name, first_name_digest) as first_name_rule,
        text_rule(city, city_digest) as city_rule,
        phone_rule(work_phone, phone_digest) as phone_rule,
        nullif(phone_rule(mobile_phone, mobile_digest), 'missing_value') as mobile_rule,
        email_rule(work_email, email_digest) as email_rule,
        written_date_rule(created_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_text(first_name, first_name_rule) as delivered_first_name,
        spoil_text(city, city_rule) as delivered_city,
        spoil_phone(work_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_phone(mobile_phone, mobile_rule, mobile_digest) as delivered_mobile,
        spoil_email(work_email, email_rule, email_digest) as delivered_email,
        spoil_date(created, created_at, created_rule) as delivered_created

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    person as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('first_name', first_name_rule, first_name, delivered_first_name),
        defect('city', city_rule, city, delivered_city),
        defect('work_phone', phone_rule, work_phone, delivered_phone),
        defect('mobile_phone', mobile_rule, mobile_phone, delivered_mobile),
        defect('work_email', email_rule, work_email, delivered_email),
        defect('created_at', created_rule, created, delivered_created),
    ]) as _defects,

    table_row([
        (1000 + person)::varchar,
        if(gender = 'f', 'г-жа', 'г-н'),
        delivered_first_name,
        last_name,
        null,
        concat_ws(' ', first_name, last_name),
        if(share(digest, 7) < 0.4, strftime(birth_on, '%d.%m.%Y'), null),
        null,
        null,
        null,
        delivered_city,
        null,
        null,
        zip,
        'Россия',
        delivered_phone,
        delivered_mobile,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        null,
        delivered_email,
        null,
        null,
        emails[2],
        company_name,
        null,
        null,
        pick(['Клиенты', 'Поставщики', 'Партнёры & друзья'], share(digest, 6)),
        pick(['Веб-сайт', 'Звонок', 'По рекомендации'], share(digest, 5)),
        null,
        'да',
        'да',
        manager,
        delivered_created,
        manager,
        day_first(modified_at),
        manager,
        null,
        null,
        null,
        null,
        null
    ]) as table_row

from delivered

order by created_at + delay, person, copy;

create table bitrix24.companies as
with

drawn as (

    select
        companies.*,
        phone_in_style(phone, share(digest, 4)) as work_phone,
        day_first(created_at) as created,
        russian_manager(share(digest, 5)) as manager,
        draws('bitrix24.companies.work_phone', number) as phone_digest,
        draws('bitrix24.companies.created_at', number) as created_digest,
        draws('bitrix24.companies delivery', number) as delivery_digest

    from companies

    where country = 'RU'

),

ruled as (

    select
        drawn.*,
        phone_rule(work_phone, phone_digest) as phone_rule,
        written_date_rule(created_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_phone(work_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_date(created, created_at, created_rule) as delivered_created

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
        defect('work_phone', phone_rule, work_phone, delivered_phone),
        defect('created_at', created_rule, created, delivered_created),
    ]) as _defects,

    number as id,
    pick(['Клиент', 'Поставщик', 'Партнёр'], share(digest, 6)) as company_type,
    name as company_name,
    russian_industry_name(industry) as industry,
    case when employees < 50 then 'менее 50' when employees < 250 then '50-250'
        else '250-500'
    end as employees,
    revenue as annual_revenue,
    'Российский рубль' as currency,
    delivered_phone as work_phone,
    null as mobile_phone,
    null as fax,
    null as home_phone,
    null as pager,
    null as mailing_phone,
    null as other_phone,
    'info@' || domain as work_email,
    null as private_email,
    null as mailing_email,
    null as other_email,
    'https://' || domain as website,
    null as vk_page,
    null as telegram,
    null as viber,
    null as comment,
    'да' as is_open_to_all,
    manager as responsible,
    delivered_created as created_at,
    manager as created_by,
    day_first(modified_at) as modified_at,
    manager as modified_by,
    name as requisite_name,
    name as full_legal_name,
    name as short_legal_name,
    7700000000 + number || '.0' as inn,
    '770101001' as kpp,
    1167746000000 + number || '.0' as ogrn,
    null as ogrnip,
    city as legal_city,
    null as legal_region,
    zip as legal_postal_code,
    'Россия' as legal_country,
    pick(['Опт', 'Розница', null], share(digest, 7)) as company_type_2,
    null as utm_source,
    null as utm_medium,
    null as utm_campaign,
    null as utm_content,
    null as utm_term

from delivered

order by number + delay // 3600, number, copy;

create table bitrix24.deals as
with

clean as (

    select
        deals.*,
        people.first_name || ' ' || people.last_name as contact_name,
        companies.name as company_name,
        draws('bitrix24.deals', deals.number) as digest,
        phone_in_style(people.phones[1], share(digest, 0)) as contact_phone,
        people.emails[1] as contact_email,
        deals.amount::varchar as typed_amount,
        'Российский рубль' as currency_name,
        day_first(deals.created_at) as created

    from deals

    inner join people
        on people.person = deals.person

    left join companies
        on companies.number = deals.company

    where deals.country = 'RU'
        and not is_in_amocrm(deals.person)

),

drawn as (

    select
        clean.*,
        draws('bitrix24.deals.amount', number) as amount_digest,
        draws('bitrix24.deals.currency', number) as currency_digest,
        draws('bitrix24.deals.created_at', number) as created_digest,
        draws('bitrix24.deals.contact_work_phone', number) as phone_digest,
        draws('bitrix24.deals.contact_work_email', number) as email_digest,
        draws('bitrix24.deals delivery', number) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        amount_rule(typed_amount, amount_digest) as amount_rule,
        currency_rule(currency_digest) as currency_rule,
        if(currency_rule is null, written_date_rule(created_at, created_digest), null)
            as created_rule,
        phone_rule(contact_phone, phone_digest) as phone_rule,
        email_rule(contact_email, email_digest) as email_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_amount(typed_amount, amount_rule, amount_digest) as delivered_amount,
        if(currency_rule is null, currency_name, 'Казахстанский тенге')
            as delivered_currency,
        spoil_date(created, created_at, created_rule) as delivered_created,
        spoil_phone(contact_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_email(contact_email, email_rule, email_digest) as delivered_email

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
        defect('amount', amount_rule, typed_amount, delivered_amount),
        defect('currency', currency_rule, currency_name, delivered_currency),
        defect('created_at', created_rule, created, delivered_created),
        defect('contact_work_phone', phone_rule, contact_phone, delivered_phone),
        defect('contact_work_email', email_rule, contact_email, delivered_email),
    ]) as _defects,

    number as "ID",
    'Общая' as "Воронка",
    case status
        when 'won' then 'Сделка успешна'
        when 'lost' then 'Сделка провалена'
        else ['Новая', 'Подготовка документов', 'Счёт на предоплату'][stage]
    end as "Стадия сделки",
    if(manager_share < 0.3, 'да', 'нет') as "Повторная сделка",
    'нет' as "Повторное обращение",
    concat(item.sku, '; ', quantity, ' шт') as "Название сделки",
    'Продажа' as "Тип",
    case status when 'won' then 100 when 'lost' then 0 else 25 * stage end
        as "Вероятность",
    delivered_currency as "Валюта",
    delivered_amount as "Сумма",
    company_name as "Компания",
    contact_name as "Контакт",
    strftime(moscow(created_at), '%d.%m.%Y') as "Дата начала",
    strftime(moscow(decided_at), '%d.%m.%Y') as "Предполагаемая дата закрытия",
    'да' as "Доступна для всех",
    if(status = 'open', 'нет', 'да') as "Сделка закрыта",
    null as "Комментарий",
    russian_manager(manager_share) as "Ответственный",
    delivered_created as "Дата создания",
    russian_manager(manager_share) as "Кем создана",
    day_first(modified_at) as "Дата изменения",
    russian_manager(manager_share) as "Кем изменена",
    pick(['Веб-сайт', 'Звонок', 'По рекомендации'], source_share) as "Источник",
    null as "Дополнительно об источнике",
    1000 + person as "Контакт: ID",
    delivered_phone as "Контакт: Рабочий телефон",
    delivered_email as "Контакт: Рабочий e-mail",
    company as "Компания: ID",
    pick(['yandex', 'vk', null], share(digest, 1)) as "UTM Source",
    pick(['cpc', null], share(digest, 2)) as "UTM Medium",
    null as "UTM Campaign",
    null as "UTM Content",
    null as "UTM Term"

from delivered

order by created_at + delay, number, copy;
