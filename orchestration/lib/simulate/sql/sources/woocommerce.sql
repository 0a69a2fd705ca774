-- The shop on WooCommerce: its catalogue, where products whose SKU begins alike are
-- variations of one, and its sales, one row per item.

create schema woocommerce;

create table woocommerce.products as
with

listed as (

    select
        sku,
        family,
        product,
        price_eur::varchar as price,
        if(has_siblings, 'variation', 'simple') as type,
        if(has_siblings, family, null) as parent

    from catalogue

    union all by name

    select
        family as sku,
        family,
        min(product) as product,
        'variable' as type

    from catalogue

    where has_siblings

    group by family

),

drawn as (

    select
        listed.*,
        100 + row_number() over (order by family, parent nulls first, sku) as product_id,
        draws('woocommerce.products', sku) as digest,
        draws('woocommerce.products.regular_price', sku) as price_digest,

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
        unnest(deliveries(draws('woocommerce.products delivery', sku)), recursive := true)

    from drawn

)

select
    product_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('regular_price', price_rule, price, delivered_price),
    ]) as _defects,

    product_id as "ID",
    type as "Type",
    sku as "SKU",
    product as "Name",
    1 as "Published",
    0 as "Is featured?",
    'visible' as "Visibility in catalog",
    null as "Short description",
    concat('<p class="about">', product, '</p>') as "Description",
    null as "Date sale price starts",
    null as "Date sale price ends",
    'taxable' as "Tax status",
    if(type = 'variation', 'parent', null) as "Tax class",
    1 as "In stock?",
    if(type = 'variable', null, floor(share(digest, 0) * 100)::int) as "Stock",
    0 as "Backorders allowed?",
    0 as "Sold individually?",
    if(type = 'variable', null, (0.1 + share(digest, 1) * 7)::decimal(5, 2))
        as "Weight (lbs)",
    null as "Length (in)",
    null as "Width (in)",
    null as "Height (in)",
    1 as "Allow customer reviews?",
    null as "Purchase note",
    null as "Sale price",
    delivered_price as "Regular price",
    'Outdoor > ' || family as "Categories",
    null as "Tags",
    null as "Shipping class",
    concat('https://cdn.example.com/', lower(sku), '.jpg') as "Images",
    null as "Download limit",
    null as "Download expiry days",
    parent as "Parent",
    null as "Grouped products",
    null as "Upsells",
    null as "Cross-sells",
    null as "External URL",
    null as "Button text",
    0 as "Position",
    if(type = 'simple', null, 'Model') as "Attribute 1 name",
    if(type = 'variation', product, null) as "Attribute 1 value(s)",
    if(type = 'variable', 1, null) as "Attribute 1 visible",
    if(type = 'simple', null, 1) as "Attribute 1 global",
    null as "Attribute 2 name",
    null as "Attribute 2 value(s)",
    null as "Attribute 2 visible",
    null as "Attribute 2 global",
    1 as "Meta: _wpcom_is_markdown",
    null as "Download 1 name",
    null as "Download 1 URL",
    null as "Download 2 name",
    null as "Download 2 URL"

from delivered

order by product_id, copy;

create table woocommerce.orders as
with

drawn as (

    select
        sales.*,
        4000 + sale_number as id,
        draws('woocommerce.orders', id) as style_digest,
        draws('woocommerce.orders.billing_email', id) as email_digest,
        draws('woocommerce.orders.billing_phone', id) as phone_digest,
        draws('woocommerce.orders.date', id) as date_digest,
        draws('woocommerce.orders.order_currency', id) as currency_digest,
        email_in_case(email, share(style_digest, 0)) as typed_email,
        phone_in_style(phone, share(style_digest, 1)) as typed_phone

    from sales

    where channel = 'woocommerce'

),

-- Either contact may be empty anyway, so none is blanked.
ruled as (

    select
        drawn.*,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,

        case when share(currency_digest, 0) < getvariable('rates').currency_without_rate
            then 'currency_without_rate'
        end as currency_rule,

        -- Without its day an amount in tenge would be asked for no rate.
        if(currency_rule is null, written_date_rule(sold_at, date_digest), null)
            as date_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        if(currency_rule is null, currency, 'KZT') as delivered_currency,
        if(currency_rule is null, 1, tenge_factor(currency)) as factor,
        strftime(moscow(sold_at), '%Y-%m-%d %H:%M:%S') as written,
        if(
            date_rule is null, written, strftime(moscow(sold_at), '%d/%m/%Y %H:%M:%S')
        ) as delivered_date

    from ruled

),

priced as (

    select
        spoiled.*,
        sale_lines.* exclude (channel, sale_number),
        8 * id + line_number as row_id,
        draws('woocommerce.orders.item_total', row_id) as price_digest,
        ((line_amount - line_discount) * factor)::varchar as price,

        case
            when currency_rule is null
                and share(price_digest, 0) < getvariable('rates').letter_in_price
                and contains(price, '0') then 'letter_for_digit'
        end as price_rule,

        if(price_rule is null, price, with_letter_for_zero(price, price_digest))
            as delivered_price

    from spoiled

    inner join sale_lines
        on sale_lines.channel = spoiled.channel
        and sale_lines.sale_number = spoiled.sale_number

),

delivered as (

    select
        priced.*,
        unnest(deliveries(draws('woocommerce.orders delivery', row_id)), recursive := true)

    from priced

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('billing_email', email_rule, typed_email, delivered_email),
        defect('billing_phone', phone_rule, typed_phone, delivered_phone),
        defect('date', date_rule, written, delivered_date),
        defect('order_currency', currency_rule, currency, delivered_currency),
        defect('item_total', price_rule, price, delivered_price),
    ]) as _defects,

    id as order_id,
    id as order_number,
    delivered_date as "date",
    case outcome
        when 'paid' then 'wc-completed'
        else 'wc-' || outcome
    end as status,
    shipping_amount * factor as shipping_total,
    0 as shipping_tax_total,
    0 as fee_total,
    0 as fee_tax_total,
    tax_amount * factor as tax_total,
    discount_amount * factor as discount_total,
    total_amount * factor as order_total,
    if(outcome = 'refunded', total_amount * factor, 0) as refunded_total,
    delivered_currency as order_currency,
    pick(['stripe', 'paypal', 'bacs'], share(style_digest, 2)) as payment_method,
    'Flat rate' as shipping_method,
    if(is_guest, 0, person) as customer_id,
    first_name as billing_first_name,
    last_name as billing_last_name,
    null as billing_company,
    delivered_email as billing_email,
    delivered_phone as billing_phone,
    address as billing_address_1,
    null as billing_address_2,
    zip as billing_postcode,
    native_city as billing_city,
    region as billing_state,
    country as billing_country,
    first_name as shipping_first_name,
    last_name as shipping_last_name,
    address as shipping_address_1,
    null as shipping_address_2,
    zip as shipping_postcode,
    native_city as shipping_city,
    region as shipping_state,
    country as shipping_country,
    null as shipping_company,
    null as customer_note,
    row_id as item_id,
    100 + place as item_product_id,
    item.product as item_name,
    item.sku as item_sku,
    quantity as item_quantity,
    line_amount * factor as item_subtotal,
    0 as item_subtotal_tax,
    delivered_price as item_total,
    0 as item_total_tax,
    if(outcome = 'refunded', (line_amount - line_discount) * factor, 0)
        as item_refunded,
    if(outcome = 'refunded', quantity, 0) as item_refunded_qty,
    null as item_meta,
    null as shipping_items,
    null as fee_items,
    null as tax_items,
    null as coupon_items,
    null as order_notes,
    0 as download_permissions_granted

from delivered

order by id, line_number, copy;
