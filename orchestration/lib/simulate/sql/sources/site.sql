-- The site of the last 90 days: one row per visit in `site_visits`, one row per event in
-- `site_events`, and the log. Orders, clicks in newsletters and sign-ups each have
-- their visit; others only look around, some of them known to nobody.

create macro log_start() as getvariable('end_at') - 86400 * 90;

create table site_visits as
with

buying as (

    select
        concat('order/', order_id) as visit,
        person,
        ordered_at as last_at,
        if(is_guest, null, customer_id) as customer_id,
        name as order_number,
        product(lines[1].place).sku as sku,
        null as utm_campaign,
        null as email,
        if(
            is_guest,
            ['page_view', 'add_to_cart', 'checkout', 'purchase'],
            ['login', 'page_view', 'add_to_cart', 'checkout', 'purchase']
        ) as steps

    from orders

    where ordered_at >= log_start() + 3600

),

clicking as (

    select
        concat('message/', messages.message) as visit,
        members.person,
        messages.clicked_at + 60 as last_at,
        null as customer_id,
        null as order_number,
        product(floor(share(messages.digest, 7) * product_count())::int).sku as sku,
        messages.campaign_id as utm_campaign,
        null as email,
        pick(
            [['page_view', 'page_view'], ['page_view', 'page_view', 'add_to_cart']],
            share(messages.digest, 6)
        ) as steps

    from messages

    inner join members
        on members.email = messages.email

    where messages.clicked_at >= log_start() + 3600

),

-- Whoever signs up for the newsletter does it in the form below every page.
signing_up as (

    select
        concat('member/', member) as visit,
        person,
        joined_at as last_at,
        null as customer_id,
        null as order_number,
        null as sku,
        null as utm_campaign,
        email,
        ['page_view', 'form_submit'] as steps

    from members

    where joined_at >= log_start() + 3600

),

looking as (

    select
        concat('look/', person) as visit,
        draws('look', person) as digest,
        if(share(digest, 0) < 0.10, null, person) as person,
        (
            log_start() + 3600
            + floor((getvariable('end_at') - log_start() - 3600) * fine_share(digest, 1))
        )::bigint as last_at,
        accounts.customer_id,
        null as order_number,
        product(floor(share(digest, 3) * product_count())::int).sku as sku,
        null as utm_campaign,
        null as email,
        pick(
            [
                ['page_view', 'search', 'page_view'],
                ['page_view', 'download'],
                ['page_view', 'faq', 'chat'],
                ['ad_view', 'page_view', 'add_to_cart'],
                ['page_view', 'login', 'order_status', 'logout'],
                ['login', 'profile_update', 'feedback']
            ],
            share(digest, 4)
        ) as steps

    from people

    left join accounts using (person)

    where share(digest, 5) < 0.30
        and registered_at < last_at

),

visited as (

    select * from buying

    union all by name

    select * from clicking

    union all by name

    select * from signing_up

    union all by name

    select * exclude (digest) from looking

)

select
    visited.*,
    draws('visit', visit) as digest,
    pick(['desktop', 'desktop', 'mobile', 'mobile', 'tablet', 'app'], share(digest, 0))
        as device,
    md5(concat(getvariable('seed'), '/visit/', visit))[:12] as session_key,
    md5(
        concat(getvariable('seed'), '/visitor/', coalesce(person::varchar, visit), device)
    )[:12] as visitor_key

from visited;

create table site_events as
with

stepped as (

    select
        site_visits.* exclude (steps),
        steps,
        generate_subscripts(steps, 1) as step,
        unnest(steps) as event,
        concat(visit, '/', step) as row_id,
        draws('visit event', row_id) as event_digest

    from site_visits

)

select
    stepped.* exclude (steps, customer_id),
    last_at - (len(steps) - step) * (20 + floor(share(digest, 1) * 80)::bigint)
        as happened_at,

    -- Known from the login on.
    if(
        coalesce(step >= nullif(list_position(steps, 'login'), 0), false),
        customer_id,
        null
    ) as customer_id,

    concat('https://shop.example.com', case event
        when 'page_view' then if(
            step = 1,
            concat('/', '?utm_campaign=' || utm_campaign),
            '/p/' || coalesce(sku, '')
        )
        when 'add_to_cart' then '/p/' || sku
        when 'download' then '/files/size-chart.pdf'
        when 'form_submit' then '/newsletter'
        when 'purchase' then '/thanks'
        else '/' || event
    end) as url

from stepped;

create schema site;

create table site.page_views as
with

clean as (

    select
        site_events.*,
        if(event = 'form_submit', email, null) as typed_email,
        draws('site.page_views.event', row_id) as kind_digest,
        draws('site.page_views.event_time', row_id) as time_digest,
        draws('site.page_views.email', row_id) as email_digest,
        draws('site.page_views delivery', row_id) as delivery_digest

    from site_events

),

ruled as (

    select
        clean.*,
        text_rule(event, kind_digest) as kind_rule,
        written_date_rule(happened_at, time_digest) as time_rule,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_text(event, kind_rule) as delivered_event,
        strftime(moscow(happened_at), '%Y-%m-%dT%H:%M:%S+03:00') as event_time,
        if(
            time_rule is null,
            event_time,
            strftime(moscow(happened_at), '%d/%m/%Y %H:%M')
        ) as delivered_time,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('event', kind_rule, event, delivered_event),
        defect('event_time', time_rule, event_time, delivered_time),
        defect('email', email_rule, typed_email, delivered_email),
    ]) as _defects,

    concat(session_key, '-', step) as "Event ID",
    visitor_key as "Visitor ID",
    session_key as "Session ID",
    customer_id as "Customer ID",
    delivered_time as "Event time",
    delivered_event as "Event",
    url as "URL",
    if(step = 1 and utm_campaign is not null, 'https://mail.example.net/', null)
        as "Referrer",
    if(step = 1 and utm_campaign is not null, 'newsletter', null) as "UTM source",
    if(step = 1 and utm_campaign is not null, 'email', null) as "UTM medium",
    if(step = 1, utm_campaign, null) as "UTM campaign",
    null as "UTM content",
    null as "UTM term",
    if(
        event = 'search',
        pick(['палатка', 'tent "2 personen"', 'boots, size 42'], share(event_digest, 0)),
        null
    ) as "Search text",
    if(url like '%/p/%', sku, null) as "SKU",
    if(event = 'purchase', order_number, null) as "Order number",
    if(event = 'page_view', 5 + floor(share(event_digest, 1) * 90)::int, null)
        as "Seconds on page",
    device as "Device",
    if(event = 'form_submit', 'subscription', null) as "Form",
    delivered_email as "Email",
    null as "Phone",
    null as "Social link",
    if(event = 'form_submit', 'yes', null) as "Consent"

from delivered

order by happened_at + delay, row_id, copy;
