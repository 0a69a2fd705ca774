-- HubSpot, beside its contacts: every company, and the deals made outside of Russia.

create table hubspot.companies as
with

contacts_of as (

    select
        employments.company,
        string_agg(contacts.record_id, ';' order by contacts.record_id) as contact_ids

    from employments

    inner join contacts
        on contacts.person = employments.person

    group by employments.company

),

deals_of as (

    select
        company,
        string_agg(900000 + number, ';' order by number) as deal_ids

    from deals

    where country <> 'RU'

    group by company

),

drawn as (

    select
        companies.*,
        contacts_of.contact_ids,
        deals_of.deal_ids,
        phone_in_style(companies.phone, share(companies.digest, 3)) as typed_phone,
        strftime(moscow(companies.created_at), '%Y-%m-%d %H:%M') as created,
        draws('hubspot.companies.phone_number', companies.number) as phone_digest,
        draws('hubspot.companies.city', companies.number) as city_digest,
        draws('hubspot.companies.create_date', companies.number) as created_digest,
        draws('hubspot.companies delivery', companies.number) as delivery_digest

    from companies

    left join contacts_of
        on contacts_of.company = companies.number

    left join deals_of
        on deals_of.company = companies.number

),

ruled as (

    select
        drawn.*,
        phone_rule(typed_phone, phone_digest) as phone_rule,
        text_rule(city, city_digest) as city_rule,
        written_date_rule(created_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(city, city_rule) as delivered_city,
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
        defect('phone_number', phone_rule, typed_phone, delivered_phone),
        defect('city', city_rule, city, delivered_city),
        defect('create_date', created_rule, created, delivered_created),
    ]) as _defects,

    80000 + number as "Record ID",
    name as "Company name",
    domain as "Company Domain Name",
    delivered_phone as "Phone Number",
    address_latin as "Street Address",
    delivered_city as "City",
    region as "State/Region",
    zip as "Postal Code",
    country_name as "Country/Region",
    industry_name(industry) as "Industry",
    pick(['PROSPECT', 'PARTNER', 'RESELLER', 'VENDOR', null], share(digest, 4))
        as "Type",
    employees as "Number of Employees",
    revenue as "Annual Revenue",
    manager(share(digest, 5)) as "Company owner",
    pick(['NEW', 'OPEN', 'IN_PROGRESS', 'CONNECTED', null], share(digest, 6))
        as "Lead Status",
    pick(['lead', 'opportunity', 'customer'], share(digest, 7)) as "Lifecycle Stage",
    pick(['Organic Search', 'Paid Search', 'Offline Sources'], share(digest, 4))
        as "Original Traffic Source",
    contact_ids as "Associated Contact IDs",
    deal_ids as "Associated Deal IDs",
    delivered_created as "Create Date",
    strftime(moscow(modified_at), '%Y-%m-%d %H:%M') as "Last Modified Date"

from delivered

order by number + delay // 3600, number, copy;

create table hubspot.deals as
with

contacts_of as (

    select
        person,
        string_agg(record_id, ';' order by record_id) as contact_ids

    from contacts

    group by person

),

drawn as (

    select
        deals.*,
        contacts_of.contact_ids,
        amount::varchar as typed_amount,
        strftime(moscow(deals.created_at), '%Y-%m-%d %H:%M') as created,
        draws('hubspot.deals.amount', deals.number) as amount_digest,
        draws('hubspot.deals.currency', deals.number) as currency_digest,
        draws('hubspot.deals.create_date', deals.number) as created_digest,
        draws('hubspot.deals delivery', deals.number) as delivery_digest

    from deals

    left join contacts_of
        on contacts_of.person = deals.person

    where deals.country <> 'RU'

),

ruled as (

    select
        drawn.*,
        amount_rule(typed_amount, amount_digest) as amount_rule,
        currency_rule(currency_digest) as currency_rule,
        if(currency_rule is null, written_date_rule(created_at, created_digest), null)
            as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_amount(typed_amount, amount_rule, amount_digest) as delivered_amount,
        if(currency_rule is null, currency, 'KZT') as delivered_currency,
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
        defect('amount', amount_rule, typed_amount, delivered_amount),
        defect('currency', currency_rule, currency, delivered_currency),
        defect('create_date', created_rule, created, delivered_created),
    ]) as _defects,

    900000 + number as "Record ID",
    concat(quantity, ' x ', item.product) as "Deal Name",
    case status
        when 'won' then 'Closed won'
        when 'lost' then 'Closed lost'
        else ['Appointment scheduled', 'Qualified to buy', 'Contract sent'][stage]
    end || ' (Sales Pipeline)' as "Deal Stage",
    'Sales Pipeline' as "Pipeline",
    delivered_amount as "Amount",
    delivered_currency as "Currency",
    strftime(moscow(decided_at), '%Y-%m-%d %H:%M') as "Close Date",
    if(manager_share < 0.7, 'New Business', 'Existing Business') as "Deal Type",
    pick(['Low', 'Medium', 'High', null], source_share) as "Priority",
    manager(manager_share) as "Deal owner",
    pick(['Organic Search', 'Paid Search', 'Offline Sources'], source_share)
        as "Original Traffic Source",
    (status <> 'open')::varchar as "Is Deal Closed?",
    (status = 'won')::varchar as "Is Closed Won",
    case when status = 'lost' then
        pick(['Too expensive', 'Bought elsewhere', 'No answer'], manager_share)
    end as "Closed Lost Reason",
    80000 + company as "Associated Company IDs",
    contact_ids as "Associated Contact IDs",
    delivered_created as "Create Date",
    strftime(moscow(modified_at), '%Y-%m-%d %H:%M') as "Last Modified Date"

from delivered

order by created_at + delay, number, copy;
