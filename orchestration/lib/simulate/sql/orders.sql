-- The shop's accounts, one row per person who has one, and its orders, one row per
-- order with its lines nested. An order of a guest leaves an e-mail address or a phone,
-- never more.

create table accounts as
with

opened as (

    select
        person,
        registered_at as created_at,
        emails,
        draws('account', person) as digest

    from people

    where share(digest, 0) < 0.75

)

select
    7210000000000 + 4096 * row_number() over (order by created_at, person)
        + floor(share(digest, 1) * 4096)::bigint as customer_id,
    person,
    if(share(digest, 2) < 0.70, 1, len(emails)) as slot,
    created_at,
    digest

from opened

order by customer_id;

create macro product_count() as len(getvariable('products'));

create macro product(place) as getvariable('products')[1 + place];

create macro price_of(product, currency) as case currency
    when 'RUB' then product.price_rub
    when 'EUR' then product.price_eur
    else product.price_usd
end;

-- What a piece costs the shop, in roubles wherever it is sold.
create macro cost_of(price_rub) as (price_rub * 0.6)::decimal(12, 2);

-- The share of the people who want to buy that really do so on this day.
create macro season(instant) as
    [0.75, 0.70, 0.80, 0.85, 0.95, 0.95, 0.90, 0.85, 0.85, 0.80, 0.95, 1.00][
        month(moscow(instant))
    ] * if(isodow(moscow(instant)) >= 6, 1.0, 0.85);

create table orders as
with

-- A quarter of the people never buy, a quarter buys once, some stop, some stay.
habits as (

    select
        person,
        draws('habit', person) as digest,
        greatest(registered_at, getvariable('start_at')) as since,
        getvariable('end_at') - since as span,

        since + span * fine_share(digest, 1) * fine_share(digest, 1) as first_at,

        case
            when share(digest, 0) < 0.25 then null
            when share(digest, 0) < 0.50 then first_at
            when share(digest, 0) < 0.72 then
                first_at + (getvariable('end_at') - first_at) * 0.7 * share(digest, 3)
            else
                getvariable('end_at')
                - (getvariable('end_at') - first_at) * 0.1 * share(digest, 3)
        end as last_at,

        86400 * (25 + 240 * share(digest, 4) * share(digest, 4)) as gap

    from people

),

wished as (

    select
        person,
        first_at,
        last_at,
        least(1 + floor((last_at - first_at) / gap), 60)::bigint as wishes,
        unnest(range(wishes)) as wish

    from habits

    where last_at is not null

),

timed as (

    select
        person,
        wish,
        draws('order', concat(person, '/', wish)) as digest,
        draws('order contact', concat(person, '/', wish)) as contact_digest,
        draws('order outcome', concat(person, '/', wish)) as outcome_digest,

        -- Somewhere in its part of the person's time, between 8 in the morning and 11
        -- at night, Moscow time.
        moscow_day(
            floor(
                first_at + (last_at - first_at) * (wish + share(digest, 0)) / wishes
            )::bigint
        ) * 86400 - 10800 + 28800 + floor(share(digest, 1) * 54000)::bigint
            as ordered_at

    from wished

),

placed as (

    select
        timed.*,
        people.country,
        people.currency,
        then_or_now(
            ordered_at, moved_at, former_home.city_latin, people.city_latin
        ) as city,
        then_or_now(ordered_at, moved_at, former_home.city, people.city)
            as native_city,
        then_or_now(ordered_at, moved_at, former_home.region, people.region) as region,
        then_or_now(ordered_at, moved_at, former_home.zip, people.zip) as zip,
        then_or_now(
            ordered_at, moved_at, former_home.address_latin, people.address_latin
        ) as address,
        people.emails,
        people.phones,
        concat(
            spelled(
                people.first_name, people.first_latin,
                people.first_short, people.first_short_latin,
                share(timed.contact_digest, 1) < 0.85, false
            ),
            ' ',
            if(
                share(timed.contact_digest, 1) < 0.85,
                then_or_now(
                    ordered_at, renamed_at, former_last_latin, people.last_latin
                ),
                then_or_now(ordered_at, renamed_at, former_last_name, people.last_name)
            )
        ) as full_name,
        accounts.customer_id,
        accounts.slot as account_slot,
        accounts.customer_id is null or share(timed.contact_digest, 0) < 0.13
            as is_guest

    from timed

    inner join people
        on people.person = timed.person

    left join accounts
        on accounts.person = timed.person

    where share(timed.digest, 2) < season(timed.ordered_at)

),

contacted as (

    select
        placed.*,

        case
            when not is_guest then account_slot
            when share(contact_digest, 2) < 0.75 then
                1 + floor(share(contact_digest, 3) * len(emails))::bigint
        end as slot,

        emails[slot] as email,

        if(
            slot is null or share(contact_digest, 4) < 0.45,
            pick(phones, share(contact_digest, 5)),
            null
        ) as phone

    from placed

),

filled as (

    select
        contacted.*,

        case
            when share(digest, 3) < 0.50 then 1
            when share(digest, 3) < 0.78 then 2
            when share(digest, 3) < 0.91 then 3
            when share(digest, 3) < 0.97 then 4
            else 5
        end as line_count,

        -- The number of products is prime, so walking on in equal steps never meets
        -- one twice in an order.
        list_transform(
            range(line_count),
            lambda line: {
                'place': (
                    floor(share(digest, 4) * share(digest, 4) * product_count())::int
                    + line * (1 + floor(share(digest, 5) * (product_count() - 1))::int)
                ) % product_count(),
                'quantity': if(share(digest, 6) * (1 + 7 * line) % 1 < 0.2, 2, 1)
            }
        ) as picked,

        list_transform(
            picked,
            lambda line: {
                'place': line.place,
                'quantity': line.quantity,
                'unit_price': price_of(product(line.place), currency)
            }
        ) as lines,

        list_sum(list_transform(lines, lambda line: line.quantity * line.unit_price))
            ::decimal(12, 2) as gross_amount

    from contacted

),

priced as (

    select
        filled.* exclude (picked),

        case
            when share(digest, 7) < 0.10 then 'WELCOME10'
            when share(digest, 7) < 0.16 then 'TRAIL5'
            when share(digest, 7) < 0.19 then 'FRIENDS15'
        end as discount_code,

        (
            gross_amount * case discount_code
                when 'WELCOME10' then 0.10
                when 'TRAIL5' then 0.05
                when 'FRIENDS15' then 0.15
                else 0.00
            end
        )::decimal(12, 2) as discount_amount,

        (gross_amount - discount_amount)::decimal(12, 2) as subtotal_amount,

        case
            when subtotal_amount >= if(currency = 'RUB', 5000, 60) then 0.00
            when currency = 'RUB' then 350.00
            else 6.90
        end::decimal(12, 2) as shipping_amount,

        (subtotal_amount * if(currency = 'USD', 0.08, 0.00))::decimal(12, 2)
            as tax_amount,

        (subtotal_amount + shipping_amount + tax_amount)::decimal(12, 2)
            as total_amount

    from filled

),

settled as (

    select
        priced.*,

        case
            when share(outcome_digest, 0) < 0.900 then 'paid'
            when share(outcome_digest, 0) < 0.930 then 'partially_refunded'
            when share(outcome_digest, 0) < 0.955 then 'refunded'
            when share(outcome_digest, 0) < 0.970 then 'pending'
            when share(outcome_digest, 0) < 0.995 then 'voided'
            else 'expired'
        end as financial_status,

        financial_status in ('paid', 'partially_refunded', 'refunded') as is_paid,

        ordered_at + 86400 + floor(share(outcome_digest, 1) * 345600)::bigint
            as sent_at,

        if(is_paid, ordered_at + 240, null) as paid_at,

        if(is_paid and sent_at < getvariable('end_at'), sent_at, null) as fulfilled_at,

        if(financial_status = 'voided', ordered_at + 1800, null) as cancelled_at,

        case financial_status
            when 'refunded' then subtotal_amount
            when 'partially_refunded' then subtotal_amount * 0.40
            else 0.00
        end::decimal(12, 2) as refund_amount,

        case
            when financial_status = 'paid' and fulfilled_at is not null then 'fulfilled'
            when financial_status = 'voided' then 'cancelled'
            when financial_status = 'expired' then 'failed'
            else financial_status
        end as status

    from priced

)

select
    row_number() over (order by ordered_at, settled.person, wish) as number,
    5400000000000 + 32768 * number + floor(share(outcome_digest, 2) * 32768)::bigint
        as order_id,
    '#' || (1000 + number) as name,
    settled.* exclude (
        wish, digest, contact_digest, outcome_digest, emails, phones, account_slot,
        slot, sent_at
    ),
    coalesce(members.status = 'subscribed', false) as is_subscribed

from settled

left join members
    on members.email = settled.email

order by number;

create schema shopify;

-- What stands only in the first of an order's rows.
create macro once(line_number, value) as case when line_number = 1 then value end;

create macro moscow_text(instant) as
    strftime(moscow(instant), '%Y-%m-%d %H:%M:%S +0300');

create table shopify.orders as
with

drawn as (

    select
        orders.*,
        draws('shopify.orders', order_id) as digest,
        draws('shopify.orders.currency', order_id) as currency_digest,
        draws('shopify.orders.created_at', order_id) as created_digest

    from orders

),

-- A tenge order is one with every amount in tenge, so its sums still hold.
ruled as (

    select
        drawn.*,

        case when share(currency_digest, 0) < getvariable('rates').currency_without_rate
            then 'currency_without_rate'
        end as currency_rule,

        if(currency_rule is null, currency, 'KZT') as delivered_currency,

        case
            when currency_rule is null then 1
            when currency = 'RUB' then 6
            when currency = 'EUR' then 560
            else 520
        end as factor,

        case when share(created_digest, 0) < getvariable('rates').unparsable_date
            then 'unparsable_date'
        end as created_rule,

        moscow_text(ordered_at) as created,

        -- The day as a spreadsheet counts it, since the end of 1899.
        if(
            created_rule is null,
            created,
            (moscow_day(ordered_at) + 25569)::varchar
        ) as delivered_created,

        case
            when share(digest, 0) < 0.010 then concat(
                'Ring twice, the sign says "Workshop, 2nd floor"',
                chr(10), 'Leave it with the guard'
            )
            when share(digest, 0) < 0.015 then concat(
                'Gift, please no invoice', chr(10), chr(10), '"Happy birthday, Masha!"'
            )
            when share(digest, 0) < 0.040 then 'Call before delivery, thanks'
        end as note,

        phone_in_style(phone, share(digest, 1)) as typed_phone

    from drawn

),

itemised as (

    select
        ruled.* exclude (lines),
        generate_subscripts(lines, 1) as line_number,
        unnest(lines, recursive := true)

    from ruled

),

-- The price is spoiled only where the currency is not.
priced as (

    select
        itemised.*,
        product(place) as item,
        8 * order_id + line_number as row_id,
        draws('shopify.orders.lineitem_price', row_id) as price_digest,

        case
            when currency_rule is null
                and share(price_digest, 0) < getvariable('rates').letter_in_price
                and contains(unit_price::varchar, '0') then 'letter_for_digit'
        end as price_rule,

        if(
            price_rule is null,
            (unit_price * factor)::varchar,
            with_letter_for_zero(unit_price::varchar, price_digest)
        ) as delivered_price

    from itemised

),

delivered as (

    select
        priced.*,
        unnest(deliveries(draws('shopify.orders delivery', row_id)), recursive := true)

    from priced

)

select
    row_id as _row,
    copy as _copy,
    1 + coalesce(
        once(line_number, len(note) - len(replace(note, chr(10), ''))), 0
    ) as _lines,
    defects_among([
        once(
            line_number,
            defect('currency', currency_rule, currency, delivered_currency)
        ),
        once(
            line_number,
            defect('created_at', created_rule, created, delivered_created)
        ),
        defect('lineitem_price', price_rule, unit_price::varchar, delivered_price),
    ]) as _defects,

    name as "Name",
    email as "Email",
    once(line_number, financial_status) as "Financial Status",
    once(line_number, moscow_text(paid_at)) as "Paid at",
    once(line_number, if(fulfilled_at is null, 'unfulfilled', 'fulfilled'))
        as "Fulfillment Status",
    once(line_number, moscow_text(fulfilled_at)) as "Fulfilled at",
    once(line_number, if(is_subscribed, 'yes', 'no')) as "Accepts Marketing",
    once(line_number, delivered_currency) as "Currency",
    once(line_number, subtotal_amount * factor) as "Subtotal",
    once(line_number, shipping_amount * factor) as "Shipping",
    once(line_number, tax_amount * factor) as "Taxes",
    once(line_number, total_amount * factor) as "Total",
    once(line_number, discount_code) as "Discount Code",
    once(line_number, discount_amount * factor) as "Discount Amount",
    once(line_number, if(shipping_amount = 0, 'Free', 'Courier')) as "Shipping Method",
    coalesce(once(line_number, delivered_created), created) as "Created at",
    quantity as "Lineitem quantity",
    item.product as "Lineitem name",
    delivered_price as "Lineitem price",
    null as "Lineitem compare at price",
    item.sku as "Lineitem sku",
    'true' as "Lineitem requires shipping",
    if(currency = 'USD', 'true', 'false') as "Lineitem taxable",
    if(fulfilled_at is null, 'pending', 'fulfilled') as "Lineitem fulfillment status",
    once(line_number, full_name) as "Billing Name",
    once(line_number, address) as "Billing Street",
    once(line_number, address) as "Billing Address1",
    null as "Billing Address2",
    null as "Billing Company",
    once(line_number, city) as "Billing City",
    once(line_number, zip) as "Billing Zip",
    once(line_number, region) as "Billing Province",
    once(line_number, country) as "Billing Country",
    once(line_number, typed_phone) as "Billing Phone",
    once(line_number, full_name) as "Shipping Name",
    once(line_number, address) as "Shipping Street",
    once(line_number, address) as "Shipping Address1",
    null as "Shipping Address2",
    null as "Shipping Company",
    once(line_number, city) as "Shipping City",
    once(line_number, zip) as "Shipping Zip",
    once(line_number, region) as "Shipping Province",
    once(line_number, country) as "Shipping Country",
    once(line_number, typed_phone) as "Shipping Phone",
    once(line_number, note) as "Notes",
    null as "Note Attributes",
    once(line_number, moscow_text(cancelled_at)) as "Cancelled at",
    once(line_number, if(share(digest, 2) < 0.8, 'Bank card', 'Cash on delivery'))
        as "Payment Method",
    once(line_number, 'c' || order_id || '.1') as "Payment Reference",
    once(line_number, refund_amount * factor) as "Refunded Amount",
    item.vendor as "Vendor",
    once(line_number, if(financial_status = 'pending', total_amount * factor, 0.00))
        as "Outstanding Balance",
    null as "Employee",
    null as "Location",
    null as "Device ID",
    once(line_number, order_id) as "Id",
    null as "Tags",
    once(line_number, 'Low') as "Risk Level",
    once(line_number, 'web') as "Source",
    '0.00' as "Lineitem discount",
    once(line_number, if(tax_amount > 0, 'State tax 8%', null)) as "Tax 1 Name",
    once(line_number, if(tax_amount > 0, tax_amount * factor, null)) as "Tax 1 Value",
    null as "Tax 2 Name",
    null as "Tax 2 Value",
    null as "Tax 3 Name",
    null as "Tax 3 Value",
    null as "Tax 4 Name",
    null as "Tax 4 Value",
    null as "Tax 5 Name",
    null as "Tax 5 Value",
    once(line_number, phone) as "Phone",
    null as "Receipt Number",
    null as "Duties",
    once(line_number, region) as "Billing Province Name",
    once(line_number, region) as "Shipping Province Name",
    once(line_number, 'p' || order_id) as "Payment ID",
    null as "Payment Terms Name",
    null as "Next Payment Due At",
    once(line_number, 'c' || order_id || '.1') as "Payment References"

from delivered;
