-- Whose the records of the other systems are. Where an export has no id of its own for a
-- person, or one that is worth hiding, the record's id is a hash, as it is for dbt.

create macro hashed_id(parts) as sha256(array_to_string(
    list_transform(parts, lambda part: coalesce(part, '~')), '|'
));

create table records_of_other_systems as
select
    'salesforce' as source,
    'contacts' as export,
    salesforce_id('003', _row) as record_id,
    _row as person

from salesforce.contacts

union

select 'bitrix24', 'contacts', (1000 + _row)::varchar, _row

from bitrix24.contacts

where _row is not null

union

select 'bitrix24', 'deals', number::varchar, person

from deals

union

select 'amocrm', 'deals', (31000000 + number)::varchar, person

from deals

union

select 'klaviyo', 'profiles', profile_id, person

from klaviyo_profiles

union

select 'unisender', 'contacts', hashed_id([delivered.email, delivered.phone]), person

from unisender.contacts as delivered

inner join unisender_contacts
    on unisender_contacts.contact = delivered._row

union

select
    'site',
    'page_views',
    hashed_id([visitor_key, site_events.customer_id::varchar, null, null, null]),
    accounts.person

from site_events

inner join accounts
    on accounts.customer_id = site_events.customer_id

union

select 'site', 'page_views', hashed_id([visitor_key, null, email, null, null]), person

from site_events

where event = 'form_submit'

union

select
    'ga4',
    'events',
    hashed_id([
        concat((md5_number(visitor_key) % 2000000000)::varchar, '.', log_start()),
        site_events.customer_id::varchar
    ]),
    accounts.person

from site_events

inner join accounts
    on accounts.customer_id = site_events.customer_id

union

select 'surveys', 'nps_responses', concat('N-', number), person

from orders

union

select
    'feedback',
    'messages',
    "Message ID",
    _person

from feedback.messages

union

select
    'feedback',
    'churn_reasons',
    concat(record_id, '/', strftime(strptime(delivered."Дата ухода", '%d.%m.%Y'), '%Y-%m-%d')),
    person

from feedback.churn_reasons as delivered

inner join contacts
    on contacts.record_id = delivered._row

where delivered."Дата ухода" like '%.%'

union

select unnest(['loyalty', 'pos']), unnest(['ledger', 'receipts']), hashed_id([card_number::varchar]), person

from cards

inner join accounts
    on accounts.customer_id = cards.customer_id

union

select 'call_centre', 'calls', concat('c-', _row), person

from call_centre.calls as delivered

inner join contacts
    on contacts.record_id = delivered._row // 8

union

select 'questionnaires', 'answers', "№ анкеты"::varchar, _person

from questionnaires.answers

union

select 'delivery', 'addresses', concat('D-', number), person

from orders

union

select 'service_desk', 'tickets', concat('T-', number), person

from orders

union

select
    'shopify',
    'abandoned_checkouts',
    (29400000000000 + order_id % 100000000000)::varchar,
    person

from orders

union

select
    channel,
    'orders',
    (if(channel = 'insales', 1000, 4000) + sale_number)::varchar,
    person

from sales

where channel in ('woocommerce', 'insales')

order by all;
