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
    discount_code,
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

-- What was bought in shops on other platforms and at tills, where the company has them.
-- What comes back comes back whole; a till that was paid nothing prints no receipt.
create table if not exists sales (
    channel varchar, sale_number bigint, person bigint, sold_at bigint,
    outcome varchar, discount_code varchar, currency varchar,
    gross_amount decimal(12, 2), discount_amount decimal(12, 2),
    subtotal_amount decimal(12, 2), shipping_amount decimal(12, 2),
    tax_amount decimal(12, 2), total_amount decimal(12, 2), line_count bigint
);

create table if not exists printed_receipts (
    sale_number bigint, is_return boolean, receipt_number varchar, shown_card bigint
);

create view truth.sales as
with

settled as (

    select
        sales.*,
        sold.receipt_number,
        sold.shown_card,

        case
            when sales.outcome = 'paid' then 'fulfilled'
            -- Brought back after the last day.
            when sold.receipt_number is not null and returned.receipt_number is null
                then 'fulfilled'
            else sales.outcome
        end as status

    from main.sales

    left join printed_receipts as sold
        on sold.sale_number = sales.sale_number
        and sales.channel = 'pos'
        and not sold.is_return

    left join printed_receipts as returned
        on returned.sale_number = sales.sale_number
        and sales.channel = 'pos'
        and returned.is_return

    where sales.channel <> 'pos' or sold.receipt_number is not null

)

select
    channel as source,

    case channel
        when 'woocommerce' then (4000 + sale_number)::varchar
        when 'insales' then (1000 + sale_number)::varchar
        when 'bitrix_shop' then 'A' || sale_number
        else receipt_number
    end as order_number,

    person_id(person) as person_id,
    shown_card as loyalty_card,
    utc(sold_at)::varchar as ordered_at,
    status,
    discount_code,
    currency,
    gross_amount,
    discount_amount,
    if(status = 'refunded', subtotal_amount, 0.00) as refund_amount,
    if(status = 'refunded', 0.00, subtotal_amount) as net_amount,
    shipping_amount,
    tax_amount,
    total_amount,
    line_count

from settled

order by channel, sale_number;

create view truth.products as
select
    sku,
    product,
    cost_of(price_rub) as cost_rub

from (select unnest(getvariable('products'), recursive := true))

order by sku;

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

-- One row per message of the newsletter and, where the company has their log, of text
-- messages, pushes and messengers. What did not happen has no instant.
create table if not exists channel_messages (
    message_id bigint, person bigint, channel varchar, campaign_id varchar,
    phone varchar, recipient_id varchar, cost decimal(18, 4), currency varchar,
    sent_at bigint, delivered_at bigint, read_at bigint, clicked_at bigint,
    replied_at bigint
);

create view truth.messages as
select
    'sendgrid' as source,
    md5(concat(getvariable('seed'), '/', message))[:16] as message_id,
    person_id(members.person) as person_id,
    'email' as channel,
    messages.campaign_id,
    messages.email as contact_point,
    null::decimal(18, 4) as cost,
    null as currency,
    utc(processed_at)::varchar as sent_at,
    utc(dropped_at)::varchar as dropped_at,
    utc(delivered_at)::varchar as delivered_at,
    utc(opened_at)::varchar as opened_at,
    if(opened_at is null, null, is_opened_by_proxy) as is_opened_by_proxy,
    utc(clicked_at)::varchar as clicked_at,
    null as replied_at

from main.messages

inner join members
    on members.email = messages.email

union all

select
    'messaging',
    message_id::varchar,
    person_id(person),
    channel,
    campaign_id,
    coalesce(phone, recipient_id),
    cost,
    if(cost is null, null, currency),
    utc(sent_at)::varchar,
    null,
    utc(delivered_at)::varchar,
    utc(read_at)::varchar,
    if(read_at is null, null, false),
    utc(clicked_at)::varchar,
    utc(replied_at)::varchar

from channel_messages

order by sent_at, dropped_at, message_id;

-- What advertising and newsletters cost, however many systems report it.
create view truth.costs as
select
    spent_on,
    channel,
    campaign,
    currency,
    amount

from spending

order by all;

-- One row per event of the site. The person is who sat there, signed in or not.
create table if not exists site_events (
    session_key varchar, step bigint, visitor_key varchar, person bigint,
    event varchar, url varchar, utm_campaign varchar, order_number varchar,
    happened_at bigint
);

create view truth.site_events as
select
    session_key as session_id,
    step,
    visitor_key as visitor_id,
    person_id(person) as person_id,
    utc(happened_at)::varchar as happened_at,
    event,
    url,
    if(step = 1, utm_campaign, null) as utm_campaign,
    if(event = 'purchase', order_number, null) as order_name

from main.site_events

order by happened_at, session_id, step;

create table if not exists nps_answers (
    number bigint, person bigint, responded_at bigint, score int, touchpoint varchar
);

create view truth.nps_answers as
select
    'N-' || number as response_id,
    person_id(person) as person_id,
    utc(responded_at)::varchar as responded_at,
    score,
    touchpoint

from main.nps_answers

order by number;

create table if not exists card_operations (
    number bigint, card_number bigint, happened_at bigint, operation varchar,
    change decimal(12, 2)
);

create table if not exists cards (card_number bigint, customer_id bigint);

create view truth.card_operations as
select
    number as operation_id,
    card_operations.card_number,
    person_id(accounts.person) as person_id,
    utc(happened_at)::varchar as happened_at,
    operation,
    change as points

from main.card_operations

inner join cards
    on cards.card_number = card_operations.card_number

inner join accounts
    on accounts.customer_id = cards.customer_id

order by operation_id;
