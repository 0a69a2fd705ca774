-- The rest of the shop: its catalogue, where products whose SKU begins alike are variants
-- of one, and checkouts that nobody finished. Some came back and ordered hours later.

create table shopify.products as
with

variants as (

    select
        catalogue.*,
        row_number() over (partition by family order by sku) as position

    from catalogue

),

-- A further image stands on a row of its own, below the variants.
listed as (

    select * from variants

    union all by name

    select
        family,
        has_siblings,
        count(*) + 1 as position

    from catalogue

    group by family, has_siblings

),

drawn as (

    select
        listed.*,
        concat(family, '/', position) as row_id,
        price_rub::varchar as price,
        draws('shopify.products', row_id) as digest,
        draws('shopify.products.variant_price', row_id) as price_digest,

        case
            when share(price_digest, 0) < getvariable('rates').letter_in_price
                and contains(price, '0') then 'letter_for_digit'
        end as price_rule

    from listed

),

delivered as (

    select
        drawn.*,
        if(price_rule is null, price, with_letter_for_zero(price, price_digest))
            as delivered_price,
        unnest(deliveries(draws('shopify.products delivery', row_id)), recursive := true)

    from drawn

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('variant_price', price_rule, price, delivered_price),
    ]) as _defects,

    lower(family) as "Handle",
    once(position, product) as "Title",
    once(position, concat('<p class="about">', product, '</p>')) as "Body (HTML)",
    once(position, vendor) as "Vendor",
    null as "Product Category",
    null as "Type",
    once(position, 'outdoor') as "Tags",
    once(position, 'true') as "Published",
    once(position, if(has_siblings, 'Model', 'Title')) as "Option1 Name",
    if(has_siblings or sku is null, product, 'Default Title') as "Option1 Value",
    null as "Option2 Name",
    null as "Option2 Value",
    null as "Option3 Name",
    null as "Option3 Value",
    '''' || sku as "Variant SKU",
    if(sku is null, null, (50 + floor(share(digest, 1) * 3000)::int)::varchar || '.0')
        as "Variant Grams",
    if(sku is null, null, 'shopify') as "Variant Inventory Tracker",
    if(sku is null, null, floor(share(digest, 2) * 200)::int) as "Variant Inventory Qty",
    if(sku is null, null, 'deny') as "Variant Inventory Policy",
    if(sku is null, null, 'manual') as "Variant Fulfillment Service",
    delivered_price as "Variant Price",
    null as "Variant Compare At Price",
    if(sku is null, null, 'true') as "Variant Requires Shipping",
    if(sku is null, null, 'true') as "Variant Taxable",
    null as "Variant Barcode",
    concat('https://cdn.example.com/', lower(family), '-', position, '.jpg')
        as "Image Src",
    position as "Image Position",
    null as "Image Alt Text",
    once(position, 'false') as "Gift Card",
    null as "SEO Title",
    null as "SEO Description",
    null as "Variant Image",
    if(sku is null, null, 'kg') as "Variant Weight Unit",
    null as "Variant Tax Code",
    if(sku is null, null, cost_of(price_rub)) as "Cost per item",
    once(position, 'active') as "Status"

from delivered

order by family, position, copy;

create table shopify.abandoned_checkouts as
with

drawn as (

    select
        orders.*,
        draws('checkout', order_id) as digest,
        29400000000000 + order_id % 100000000000 as checkout_id,
        draws('shopify.abandoned_checkouts.email', checkout_id) as email_digest,
        draws('shopify.abandoned_checkouts.phone', checkout_id) as phone_digest,
        draws('shopify.abandoned_checkouts.currency', checkout_id) as currency_digest,
        draws('shopify.abandoned_checkouts.created_at', checkout_id) as created_digest

    from orders

),

abandoned as (

    select
        drawn.*,
        share(digest, 0) < 0.10 as is_recovered,

        ordered_at + if(
            is_recovered,
            -3600 * (1 + floor(40 * share(digest, 1))),
            86400 * (2 + floor(30 * share(digest, 1)))
        )::bigint as abandoned_at,

        email_in_case(email, share(digest, 2)) as typed_email,
        '''' || phone as typed_phone

    from drawn

    where share(digest, 0) < 0.25

),

-- Either contact may be empty anyway, so none is blanked.
ruled as (

    select
        abandoned.*,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,

        case when share(currency_digest, 0) < getvariable('rates').currency_without_rate
            then 'currency_without_rate'
        end as currency_rule,

        -- Without its day an amount in tenge would be asked for no rate.
        case
            when currency_rule is null
                and share(created_digest, 0) < getvariable('rates').unparsable_date
                then 'unparsable_date'
        end as created_rule

    from abandoned

    where abandoned_at between getvariable('start_at') and getvariable('end_at') - 1

),

spoiled as (

    select
        ruled.*,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        if(currency_rule is null, currency, 'KZT') as delivered_currency,
        if(currency_rule is null, 1, tenge_factor(currency)) as factor,
        moscow_text(abandoned_at) as created,
        if(created_rule is null, created, (moscow_day(abandoned_at) + 25569)::varchar)
            as delivered_created

    from ruled

),

itemised as (

    select
        spoiled.* exclude (lines),
        generate_subscripts(lines, 1) as line_number,
        unnest(lines, recursive := true)

    from spoiled

),

priced as (

    select
        itemised.*,
        product(place) as item,
        8 * checkout_id + line_number as row_id,
        draws('shopify.abandoned_checkouts.lineitem_price', row_id) as price_digest,
        (unit_price * factor)::varchar as price,

        case
            when currency_rule is null
                and share(price_digest, 0) < getvariable('rates').letter_in_price
                and contains(price, '0') then 'letter_for_digit'
        end as price_rule,

        if(price_rule is null, price, with_letter_for_zero(price, price_digest))
            as delivered_price

    from itemised

),

delivered as (

    select
        priced.*,
        unnest(
            deliveries(draws('shopify.abandoned_checkouts delivery', row_id)),
            recursive := true
        )

    from priced

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        once(line_number, defect('email', email_rule, typed_email, delivered_email)),
        once(line_number, defect('phone', phone_rule, typed_phone, delivered_phone)),
        once(
            line_number,
            defect('currency', currency_rule, currency, delivered_currency)
        ),
        once(
            line_number,
            defect('created_at', created_rule, created, delivered_created)
        ),
        defect('lineitem_price', price_rule, price, delivered_price),
    ]) as _defects,

    checkout_id as "Id",
    once(line_number, delivered_email) as "Email",
    once(line_number, delivered_phone) as "Phone",
    once(line_number, if(is_subscribed, 'yes', 'no')) as "Accepts Marketing",
    once(line_number, delivered_currency) as "Currency",
    once(line_number, subtotal_amount * factor) as "Subtotal",
    once(line_number, shipping_amount * factor) as "Shipping",
    once(line_number, tax_amount * factor) as "Taxes",
    once(line_number, total_amount * factor) as "Total",
    once(line_number, discount_code) as "Discount Code",
    once(line_number, discount_amount * factor) as "Discount Amount",
    null as "Shipping Method",
    coalesce(once(line_number, delivered_created), created) as "Created at",
    quantity as "Lineitem quantity",
    item.product as "Lineitem name",
    delivered_price as "Lineitem price",
    null as "Lineitem compare at price",
    item.sku as "Lineitem sku",
    'true' as "Lineitem requires shipping",
    if(currency = 'USD', 'true', 'false') as "Lineitem taxable",
    once(line_number, full_name) as "Billing Name",
    null as "Billing Street",
    null as "Billing Address1",
    null as "Billing Address2",
    null as "Billing Company",
    once(line_number, city) as "Billing City",
    once(line_number, zip) as "Billing Zip",
    once(line_number, region) as "Billing Province",
    once(line_number, country) as "Billing Country",
    null as "Billing Phone",
    once(line_number, full_name) as "Shipping Name",
    null as "Shipping Street",
    null as "Shipping Address1",
    null as "Shipping Address2",
    null as "Shipping Company",
    once(line_number, city) as "Shipping City",
    once(line_number, zip) as "Shipping Zip",
    once(line_number, region) as "Shipping Province",
    once(line_number, country) as "Shipping Country",
    null as "Shipping Phone",
    null as "Notes",
    null as "Note Attributes",
    once(line_number, if(is_recovered, 'Recovered', 'Not Recovered')) as "Recovery"

from delivered

order by abandoned_at, checkout_id, line_number, copy;
