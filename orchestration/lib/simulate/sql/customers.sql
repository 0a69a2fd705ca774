-- The shop's customer export: one row per account, in the order they were opened.

create table shopify.customers as
with

spent as (

    select
        customer_id,
        count(*) as order_count,
        sum(total_amount - refund_amount) filter (is_paid) as spent_amount

    from orders

    where not is_guest

    group by customer_id

),

clean as (

    select
        accounts.customer_id,
        accounts.created_at,
        people.country,
        then_or_now(
            accounts.created_at, people.moved_at, people.former_home.address_latin,
            people.address_latin
        ) as address_latin,
        then_or_now(
            accounts.created_at, people.moved_at, people.former_home.region,
            people.region
        ) as region,
        then_or_now(
            accounts.created_at, people.moved_at, people.former_home.zip, people.zip
        ) as zip,
        coalesce(members.status = 'subscribed', false) as is_subscribed,
        coalesce(spent.order_count, 0) as order_count,
        coalesce(spent.spent_amount, 0.00) as spent_amount,
        share(accounts.digest, 3) < 0.85 as is_latin,
        draws('shopify.customers', accounts.customer_id) as style_digest,

        in_case(
            spelled(
                people.first_name, people.first_latin,
                people.first_short, people.first_short_latin,
                is_latin, share(accounts.digest, 4) < 0.06
            ),
            share(accounts.digest, 5)
        ) as first_name,

        in_case(
            if(
                is_latin,
                then_or_now(
                    accounts.created_at, people.renamed_at,
                    people.former_last_latin, people.last_latin
                ),
                then_or_now(
                    accounts.created_at, people.renamed_at,
                    people.former_last_name, people.last_name
                )
            ),
            share(accounts.digest, 5)
        ) as last_name,

        if(
            is_latin,
            then_or_now(
                accounts.created_at, people.moved_at,
                people.former_home.city_latin, people.city_latin
            ),
            then_or_now(
                accounts.created_at, people.moved_at,
                people.former_home.city, people.city
            )
        ) as city,

        email_in_case(people.emails[accounts.slot], share(accounts.digest, 6)) as email,

        -- Numbers that stand in a spreadsheet as text open with an apostrophe.
        if(
            share(style_digest, 0) < 0.45,
            '''' || pick(people.phones, share(style_digest, 1)),
            null
        ) as phone,

        if(
            share(style_digest, 2) < 0.50,
            '''' || phone_in_style(people.phones[1], share(style_digest, 3)),
            null
        ) as address_phone

    from accounts

    inner join people
        on people.person = accounts.person

    left join members
        on members.email = people.emails[accounts.slot]

    left join spent
        on spent.customer_id = accounts.customer_id

),

drawn as (

    select
        clean.*,
        draws('shopify.customers.first_name', customer_id) as first_name_digest,
        draws('shopify.customers.email', customer_id) as email_digest,
        draws('shopify.customers.default_address_city', customer_id) as city_digest,
        draws('shopify.customers.default_address_phone', customer_id)
            as address_phone_digest,
        draws('shopify.customers.phone', customer_id) as phone_digest,
        draws('shopify.customers delivery', customer_id) as delivery_digest

    from clean

),

-- Either phone may be empty anyway, so none is blanked.
ruled as (

    select
        drawn.*,
        text_rule(first_name, first_name_digest) as first_name_rule,
        email_rule(email, email_digest) as email_rule,
        text_rule(city, city_digest) as city_rule,
        nullif(phone_rule(address_phone, address_phone_digest), 'missing_value')
            as address_phone_rule,
        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_text(first_name, first_name_rule) as delivered_first_name,
        spoil_email(email, email_rule, email_digest) as delivered_email,
        spoil_text(city, city_rule) as delivered_city,
        spoil_phone(address_phone, address_phone_rule, address_phone_digest)
            as delivered_address_phone,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    customer_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('first_name', first_name_rule, first_name, delivered_first_name),
        defect('email', email_rule, email, delivered_email),
        defect('default_address_city', city_rule, city, delivered_city),
        defect(
            'default_address_phone',
            address_phone_rule,
            address_phone,
            delivered_address_phone
        ),
        defect('phone', phone_rule, phone, delivered_phone),
    ]) as _defects,

    '''' || customer_id as "Customer ID",
    delivered_first_name as "First Name",
    last_name as "Last Name",
    delivered_email as "Email",
    if(is_subscribed, 'yes', 'no') as "Accepts Email Marketing",
    if(share(style_digest, 4) < 0.04, 'Vega, Ltd.', null) as "Default Address Company",
    address_latin as "Default Address Address1",
    if(
        share(style_digest, 5) < 0.60,
        'apt. ' || (1 + floor(share(style_digest, 5) * 200)::int),
        null
    ) as "Default Address Address2",
    delivered_city as "Default Address City",
    region as "Default Address Province Code",
    country as "Default Address Country Code",
    '''' || zip as "Default Address Zip",
    delivered_address_phone as "Default Address Phone",
    delivered_phone as "Phone",
    if(phone is not null and share(style_digest, 6) < 0.50, 'yes', 'no')
        as "Accepts SMS Marketing",
    spent_amount as "Total Spent",
    order_count as "Total Orders",
    null as "Note",
    'no' as "Tax Exempt",
    case
        when order_count > 5 then 'loyal, newsletter'
        when is_subscribed then 'newsletter'
    end as "Tags"

from delivered

order by created_at + delay, customer_id, copy;
