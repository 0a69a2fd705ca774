-- The clean world behind the exports. Every record and order stands here, however its
-- row was delivered. Lists are joined by '|'.

create view truth.people as
select
    person_id(person) as person_id,
    if(country = 'RU', first_name, null) as first_name_cyrillic,
    if(country = 'RU', last_name, null) as last_name_cyrillic,
    if(country = 'RU', first_latin, first_name) as first_name_latin,
    if(country = 'RU', last_latin, last_name) as last_name_latin,
    gender,
    birth_on as birth_date,
    city,
    country,
    array_to_string(emails, '|') as emails,
    array_to_string(phones, '|') as phones,
    utc(registered_at)::varchar as registered_at

from main.people;

create view truth.households as
select
    person_id(person) as person_id,
    household_id(household) as household_id,
    relation

from main.people

where household is not null;

-- What several people give as their own.
create view truth.shared_contacts as
with

shared as (

    select person, 'phone' as channel, family_phone as contact_point, 'household' as kind

    from main.people

    where has_family_phone

    union all

    select person, 'email', emails[1], 'household'

    from main.people

    where has_family_mailbox

    union all

    select person, 'email', emails[3], 'role'

    from main.people

    where has_role_mailbox

)

select
    channel,
    contact_point,
    kind,
    person_id(person) as person_id

from shared

qualify count(*) over (partition by channel, contact_point) > 1

order by channel, contact_point, person;

-- Records of before say the former, later ones the present.
create view truth.changes as
with

changed as (

    select
        person,
        'last_name' as attribute,
        renamed_at as changed_at,
        former_last_latin as former_value,
        last_latin as present_value

    from main.people

    where renamed_at is not null

    union all

    select
        person,
        'address',
        moved_at,
        concat(former_home.city_latin, ', ', former_home.address_latin),
        concat(city_latin, ', ', address_latin)

    from main.people

    where moved_at is not null

)

select
    person_id(person) as person_id,
    attribute,
    utc(changed_at)::varchar as changed_at,
    former_value,
    present_value

from changed

order by person, attribute;

create table if not exists records_of_other_systems (
    source varchar, export varchar, record_id varchar, person bigint
);

create view truth.records as
select
    'hubspot' as source,
    'contacts' as export,
    record_id::varchar as record_id,
    person_id(person) as person_id

from contacts

union all

select 'shopify', 'customers', customer_id::varchar, person_id(person)

from accounts

union all

select 'shopify', 'orders', order_id::varchar, person_id(person)

from main.orders

union all

select 'mailchimp', status || '_members', euid, person_id(person)

from members

union all

select source, export, record_id, person_id(person)

from records_of_other_systems;

create view truth.orders as
select
    order_id,
    name,
    person_id(person) as person_id,
    utc(ordered_at)::varchar as ordered_at,
    status,
    currency,
    gross_amount,
    discount_amount,
    refund_amount,
    gross_amount - discount_amount - refund_amount as net_amount,
    line_count

from main.orders;

create view truth.order_lines as
with

itemised as (

    select
        order_id,
        unnest(lines, recursive := true)

    from main.orders

)

select
    order_id,
    product(place).sku as sku,
    quantity,
    unit_price

from itemised;

-- One row per mailbox, of the person who signed up: what anybody decides who shares it,
-- counts for all. A bounce is no decision of anybody's.
create view truth.consents as
select
    person_id(person) as person_id,
    'email' as channel,
    email,
    ended_by is null or ended_by = 'bounce' as is_granted,
    utc(if(is_granted, joined_at, ended_at))::varchar as decided_at,
    if(is_granted, 'opt-in', ended_by) as how

from members;
