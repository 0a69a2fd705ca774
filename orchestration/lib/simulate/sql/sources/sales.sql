-- What there is to buy, one row per product in `catalogue`, those whose SKU begins alike a
-- family; and what is bought at a till, or in a shop on another platform, one row per sale
-- in `sales`, one per line of it in `sale_lines`. A sale is the basket of an order once
-- more, some days later; the truth has such sales apart from its orders.

create macro with_comma(amount) as replace(amount::varchar, '.', ',');

-- What an amount in the given currency is in tenge, for which there is no rate.
create macro tenge_factor(currency) as case currency
    when 'RUB' then 6
    when 'EUR' then 560
    else 520
end;

create table catalogue as
with

products as (

    select unnest(getvariable('products'), recursive := true)

)

select
    products.*,
    row_number() over (order by sku) as product_number,
    split_part(sku, '-', 1) as family,
    count(*) over (partition by family) > 1 as has_siblings

from products;

create table sales as
with

drawn as (

    select
        orders.* exclude (
            number, lines, discount_amount, subtotal_amount, total_amount, status
        ),
        people.first_name,
        people.last_name,
        draws('sale', orders.order_id) as digest,

        case orders.discount_code
            when 'WELCOME10' then 0.10
            when 'TRAIL5' then 0.05
            when 'FRIENDS15' then 0.15
            else 0.00
        end as discount_rate,

        list_transform(
            orders.lines,
            lambda line: {
                'place': line.place,
                'quantity': line.quantity,
                'unit_price': line.unit_price,
                'line_amount': line.quantity * line.unit_price,
                'line_discount':
                    (line.quantity * line.unit_price * discount_rate)::decimal(12, 2)
            }
        ) as lines

    from orders

    inner join people
        on people.person = orders.person

),

placed as (

    select
        drawn.*,

        -- Abroad there is the shop on WooCommerce alone.
        case
            when currency <> 'RUB' then if(share(digest, 0) < 0.40, 'woocommerce', null)
            when share(digest, 0) < 0.12 then 'pos'
            when share(digest, 0) < 0.18 then 'insales'
            when share(digest, 0) < 0.24 then 'bitrix_shop'
        end as channel,

        ordered_at + 86400 * (1 + floor(30 * share(digest, 1)))::bigint as sold_at,

        case
            when share(digest, 2) < 0.90 then 'paid'
            when share(digest, 2) < 0.94 then 'refunded'
            when share(digest, 2) < 0.98 then 'cancelled'
            else 'pending'
        end as outcome,

        list_sum(list_transform(lines, lambda line: line.line_discount))
            ::decimal(12, 2) as discount_amount,

        (gross_amount - discount_amount)::decimal(12, 2) as subtotal_amount,

        (subtotal_amount + shipping_amount + tax_amount)::decimal(12, 2)
            as total_amount

    from drawn

)

select
    row_number() over (partition by channel order by sold_at, order_id) as sale_number,
    placed.* exclude (digest)

from placed

where channel is not null
    and sold_at < getvariable('end_at')

order by channel, sale_number;

create table sale_lines as
with

itemised as (

    select
        channel,
        sale_number,
        generate_subscripts(lines, 1) as line_number,
        unnest(lines, recursive := true)

    from sales

)

select
    itemised.*,
    product(place) as item

from itemised

order by channel, sale_number, line_number;
