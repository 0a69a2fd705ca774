-- Salesforce: a third of the people as contacts, and every company as an account. Ids
-- are 18 characters, of which the last three only check the others.

create schema salesforce;

create macro salesforce_id(prefix, number) as
    concat(prefix, '5G', lpad(number::varchar, 10, '0'), 'QAA');

create macro salesforce_user(portion) as
    salesforce_id('005', 1 + floor(portion * 4)::int);

create macro salesforce_time(instant) as
    strftime(utc(instant), '%Y-%m-%dT%H:%M:%S.000Z');

create table salesforce.contacts as
with

entered as (

    select
        people.*,
        employments.company,
        draws('salesforce.contacts', people.person) as digest,
        1 + floor(share(digest, 1) * len(people.emails))::bigint as slot,
        greatest(people.registered_at, getvariable('start_at')) as since,
        (since + floor((getvariable('end_at') - since) * fine_share(digest, 2)))::bigint
            as created_at,
        (
            created_at
            + floor((getvariable('end_at') - created_at) * share(digest, 4))
        )::bigint as modified_at

    from people

    left join employments
        on employments.person = people.person

    where share(draws('salesforce.contacts', people.person), 0) < 0.35

),

clean as (

    select
        entered.*,
        coalesce(members.status = 'unsubscribed', false) as is_unsubscribed,
        email_in_case(emails[entered.slot], share(entered.digest, 5)) as email,
        phone_in_style(phones[1], share(entered.digest, 6)) as mobile,
        phone_in_style(phones[2], share(entered.digest, 7)) as phone,
        salesforce_time(created_at) as created,
        draws('salesforce.contacts style', entered.person) as style_digest

    from entered

    left join members
        on members.email = entered.emails[entered.slot]

),

drawn as (

    select
        clean.*,
        draws('salesforce.contacts.first_name', person) as first_name_digest,
        draws('salesforce.contacts.mailing_city', person) as city_digest,
        draws('salesforce.contacts.phone', person) as phone_digest,
        draws('salesforce.contacts.mobile_phone', person) as mobile_digest,
        draws('salesforce.contacts.email', person) as email_digest,
        draws('salesforce.contacts.created_date', person) as created_digest,
        draws('salesforce.contacts delivery', person) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        text_rule(first_latin, first_name_digest) as first_name_rule,
        text_rule(city_latin, city_digest) as city_rule,
        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule,
        phone_rule(mobile, mobile_digest) as mobile_rule,
        email_rule(email, email_digest) as email_rule,
        written_date_rule(created_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_text(first_latin, first_name_rule) as delivered_first_name,
        spoil_text(city_latin, city_rule) as delivered_city,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        spoil_phone(mobile, mobile_rule, mobile_digest) as delivered_mobile,
        spoil_email(email, email_rule, email_digest) as delivered_email,
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
        defect('first_name', first_name_rule, first_latin, delivered_first_name),
        defect('mailing_city', city_rule, city_latin, delivered_city),
        defect('phone', phone_rule, phone, delivered_phone),
        defect('mobile_phone', mobile_rule, mobile, delivered_mobile),
        defect('email', email_rule, email, delivered_email),
        defect('created_date', created_rule, created, delivered_created),
    ]) as _defects,

    salesforce_id('003', person) as "Id",
    'false' as "IsDeleted",
    null as "MasterRecordId",
    if(company is null, null, salesforce_id('001', company)) as "AccountId",
    last_latin as "LastName",
    delivered_first_name as "FirstName",
    if(gender = 'f', 'Ms.', 'Mr.') as "Salutation",
    null as "OtherStreet",
    null as "OtherCity",
    null as "OtherState",
    null as "OtherPostalCode",
    null as "OtherCountry",
    address_latin as "MailingStreet",
    delivered_city as "MailingCity",
    region as "MailingState",
    zip as "MailingPostalCode",
    country_name as "MailingCountry",
    delivered_phone as "Phone",
    null as "Fax",
    delivered_mobile as "MobilePhone",
    null as "HomePhone",
    null as "OtherPhone",
    null as "AssistantPhone",
    null as "ReportsToId",
    delivered_email as "Email",
    pick(['Buyer', 'Head of "Outdoor"', 'Owner', null], share(style_digest, 0))
        as "Title",
    pick(['Purchasing', 'Sales, North', null], share(style_digest, 1)) as "Department",
    null as "AssistantName",
    pick(['Web', 'Phone Inquiry', 'Partner Referral', null], share(style_digest, 2))
        as "LeadSource",
    if(share(style_digest, 3) < 0.4, birth_on, null) as "Birthdate",
    null as "Description",
    salesforce_user(share(style_digest, 4)) as "OwnerId",
    is_unsubscribed::varchar as "HasOptedOutOfEmail",
    'false' as "HasOptedOutOfFax",
    (share(style_digest, 5) < 0.05)::varchar as "DoNotCall",
    delivered_created as "CreatedDate",
    salesforce_user(share(style_digest, 4)) as "CreatedById",
    salesforce_time(modified_at) as "LastModifiedDate",
    salesforce_user(share(style_digest, 4)) as "LastModifiedById",
    salesforce_time(modified_at) as "SystemModstamp",
    null as "LastActivityDate",
    null as "LastCURequestDate",
    null as "LastCUUpdateDate",
    null as "LastViewedDate",
    null as "LastReferencedDate",
    null as "EmailBouncedReason",
    null as "EmailBouncedDate",
    null as "Jigsaw",
    null as "JigsawContactId",
    null as "IndividualId"

from delivered

order by created_at + delay, person, copy;

create table salesforce.accounts as
with

drawn as (

    select
        companies.*,
        phone_in_style(phone, share(digest, 4)) as typed_phone,
        salesforce_time(created_at) as created,
        draws('salesforce.accounts.phone', number) as phone_digest,
        draws('salesforce.accounts.billing_city', number) as city_digest,
        draws('salesforce.accounts.created_date', number) as created_digest,
        draws('salesforce.accounts delivery', number) as delivery_digest

    from companies

),

ruled as (

    select
        drawn.*,
        phone_rule(typed_phone, phone_digest) as phone_rule,
        text_rule(city_latin, city_digest) as city_rule,
        written_date_rule(created_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(city_latin, city_rule) as delivered_city,
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
        defect('phone', phone_rule, typed_phone, delivered_phone),
        defect('billing_city', city_rule, city_latin, delivered_city),
        defect('created_date', created_rule, created, delivered_created),
    ]) as _defects,

    salesforce_id('001', number) as "Id",
    'false' as "IsDeleted",
    null as "MasterRecordId",
    name as "Name",
    pick(['Customer - Direct', 'Prospect', 'Channel Partner', null], share(digest, 5))
        as "Type",
    null as "ParentId",
    address_latin as "BillingStreet",
    delivered_city as "BillingCity",
    region as "BillingState",
    zip as "BillingPostalCode",
    country_name as "BillingCountry",
    null as "ShippingStreet",
    null as "ShippingCity",
    null as "ShippingState",
    null as "ShippingPostalCode",
    null as "ShippingCountry",
    delivered_phone as "Phone",
    null as "Fax",
    'CD' || number as "AccountNumber",
    'https://' || domain as "Website",
    null as "Sic",
    industry_name(industry) as "Industry",
    revenue || '.0' as "AnnualRevenue",
    employees as "NumberOfEmployees",
    pick(['Private', 'Public', null], share(digest, 6)) as "Ownership",
    null as "TickerSymbol",
    null as "Description",
    pick(['Hot', 'Warm', 'Cold', null], share(digest, 7)) as "Rating",
    null as "Site",
    salesforce_user(share(digest, 6)) as "OwnerId",
    delivered_created as "CreatedDate",
    salesforce_user(share(digest, 6)) as "CreatedById",
    salesforce_time(modified_at) as "LastModifiedDate",
    salesforce_user(share(digest, 6)) as "LastModifiedById",
    salesforce_time(modified_at) as "SystemModstamp",
    null as "LastActivityDate",
    null as "LastViewedDate",
    null as "LastReferencedDate",
    null as "Jigsaw",
    null as "JigsawCompanyId",
    pick(['Web', 'Trade Show', null], share(digest, 7)) as "AccountSource",
    null as "SicDesc"

from delivered

order by number + delay // 3600, number, copy;
