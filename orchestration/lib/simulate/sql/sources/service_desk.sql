-- Tickets about bought products, opened within two months of the delivery.

create schema service_desk;

create table service_desk.tickets as
with

opened as (

    select
        orders.* exclude (status),
        draws('ticket', order_id) as digest,
        draws('service_desk.tickets', order_id) as style_digest,
        fulfilled_at + floor(share(digest, 1) * 5184000)::bigint as opened_at,

        -- One in seven is never closed, the others within ten days.
        if(
            share(digest, 2) < 0.85,
            opened_at + 3600 + floor(share(digest, 3) * 860000)::bigint,
            null
        ) as will_close_at,

        if(will_close_at < getvariable('end_at'), will_close_at, null) as closed_at

    from orders

    where fulfilled_at is not null
        and share(digest, 0) < 0.07
        and opened_at < getvariable('end_at')

),

clean as (

    select
        opened.*,
        iso_text(opened_at) as opened_text,
        email_in_case(email, share(digest, 4)) as typed_email,
        phone_in_style(phone, share(digest, 5)) as typed_phone,
        case
            when closed_at is not null then pick(['Solved', 'Closed'], share(digest, 6))
            else pick(['New', 'In progress', 'On hold'], share(digest, 6))
        end as status,
        upper(md5(concat(getvariable('seed'), '/serial/', order_id))) as serial,
        draws('service_desk.tickets.opened_at', number) as opened_digest,
        draws('service_desk.tickets.customer_email', number) as email_digest,
        draws('service_desk.tickets.customer_phone', number) as phone_digest,
        draws('service_desk.tickets.status', number) as status_digest,
        draws('service_desk.tickets delivery', number) as delivery_digest

    from opened

),

ruled as (

    select
        clean.*,
        written_date_rule(opened_at, opened_digest) as opened_rule,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,
        text_rule(status, status_digest) as status_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(status, status_rule) as delivered_status,
        if(
            opened_rule is null,
            opened_text,
            strftime(moscow(opened_at), '%d/%m/%Y %H:%M')
        ) as delivered_opened

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
        defect('opened_at', opened_rule, opened_text, delivered_opened),
        defect('status', status_rule, status, delivered_status),
        defect('customer_email', email_rule, typed_email, delivered_email),
        defect('customer_phone', phone_rule, typed_phone, delivered_phone),
    ]) as _defects,

    'T-' || number as "Ticket ID",
    delivered_opened as "Opened at",
    iso_text(closed_at) as "Closed at",
    delivered_status as "Status",
    pick(['Repair', 'Return', 'Question'], share(style_digest, 0)) as "Category",
    pick(['Low', 'Normal', 'High'], share(style_digest, 1)) as "Priority",
    pick(['Incoming mail', 'Phone', 'Chat', 'Web form'], share(style_digest, 2))
        as "Channel",
    concat('About "', product(lines[1].place).product, '"') as "Subject",
    full_name as "Customer name",
    delivered_email as "Customer email",
    delivered_phone as "Customer phone",
    name as "Order number",
    product(lines[1].place).product as "Product",
    concat('SN-', serial[:4], '-', serial[5:8]) as "Serial number",
    pick(['Olga Titova', 'Anton Belov'], share(style_digest, 3)) as "Agent",
    if(
        closed_at is not null and share(style_digest, 4) < 0.5,
        pick([5, 5, 4, 3, 1], share(style_digest, 5)),
        null
    ) as "Satisfaction score"

from delivered

order by opened_at + delay, number, copy;
