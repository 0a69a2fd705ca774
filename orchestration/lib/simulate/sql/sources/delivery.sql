-- Where orders were to be taken: one request per order that was not given up.

create schema delivery;

create table delivery.addresses as
with

requested as (

    select
        orders.* exclude (phone),
        coalesce(orders.phone, people.phones[1]) as phone,
        draws('delivery', orders.order_id) as digest,
        orders.ordered_at + 900 as requested_at

    from orders

    inner join people
        on people.person = orders.person

    where orders.financial_status not in ('voided', 'expired')
        and requested_at < getvariable('end_at')

),

clean as (

    select
        requested.*,
        strftime(moscow(requested_at), '%Y-%m-%d %H:%M:%S') as requested,
        phone_in_style(phone, share(digest, 0)) as typed_phone,
        concat(
            address,
            ', ',
            if(country = 'RU', 'кв. ', 'apt. '),
            1 + floor(share(digest, 1) * 200)::int
        ) as whole_address,
        case
            when share(digest, 2) < 0.05 then
                concat('Домофон 7, "громко"', chr(10), 'можно вечером')
            when share(digest, 2) < 0.10 then 'Оставить у консьержа'
        end as comment,
        draws('delivery.addresses.requested_at', number) as requested_digest,
        draws('delivery.addresses.phone', number) as phone_digest,
        draws('delivery.addresses.address', number) as address_digest,
        draws('delivery.addresses delivery', number) as delivery_digest

    from requested

),

ruled as (

    select
        clean.*,
        written_date_rule(requested_at, requested_digest) as requested_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,
        text_rule(whole_address, address_digest) as address_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(whole_address, address_rule) as delivered_address,
        if(
            requested_rule is null,
            requested,
            strftime(moscow(requested_at), '%d/%m/%Y %H:%M')
        ) as delivered_requested

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
    1 + coalesce(len(comment) - len(replace(comment, chr(10), '')), 0) as _lines,
    defects_among([
        defect('phone', phone_rule, typed_phone, delivered_phone),
        defect('address', address_rule, whole_address, delivered_address),
        defect('requested_at', requested_rule, requested, delivered_requested),
    ]) as _defects,

    'D-' || number as "Request ID",
    name as "Order number",
    full_name as "Recipient",
    delivered_phone as "Phone",
    delivered_address as "Address",
    native_city as "City",
    '''' || zip as "Postcode",
    country as "Country",
    delivered_requested as "Requested at",
    comment as "Comment",
    pick(['Быстрая почта', 'Курьер', 'Postal service'], share(digest, 3)) as "Courier"

from delivered

order by requested_at + delay, number, copy;
