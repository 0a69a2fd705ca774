-- The tills of the shops: one row per line of a receipt. Who brings goods back gets a
-- receipt for it, two days later. Cards are those of sources/loyalty.sql.

create schema pos;

create table printed_receipts as
with

drawn as (

    select
        sales.*,
        unnest(if(outcome = 'refunded', [false, true], [false])) as is_return,
        sold_at + if(is_return, 172800, 0) as printed_at,
        draws('pos.receipts', sale_number) as style_digest,
        pick(['M01', 'M02', 'M03'], share(style_digest, 0)) as shop,
        1 + floor(3 * share(style_digest, 1))::int as till,
        if(share(style_digest, 2) < 0.8, cards.card_number, null) as shown_card,
        2 * sale_number + is_return::int as receipt,
        concat(shop, '-', till, '-', lpad(receipt::varchar, 8, '0')) as receipt_number

    from sales

    left join cards
        on cards.customer_id = sales.customer_id

    where channel = 'pos'
        and outcome in ('paid', 'refunded')

)

select *

from drawn

where printed_at < getvariable('end_at');

create table pos.receipts as
with

printed as (

    select
        printed_receipts.*,
        draws('pos.receipts.sold_at', receipt) as sold_digest,
        written_date_rule(printed_at, sold_digest) as sold_rule

    from printed_receipts

),

spoiled as (

    select
        printed.*,
        strftime(moscow(printed_at), '%d.%m.%Y %H:%M') as sold,
        if(sold_rule is null, sold, strftime(moscow(printed_at), '%d/%m/%Y %H:%M'))
            as delivered_sold

    from printed

),

priced as (

    select
        spoiled.*,
        sale_lines.* exclude (channel, sale_number),
        8 * receipt + line_number as row_id,
        draws('pos.receipts.price', row_id) as price_digest,
        draws('pos.receipts.discount', row_id) as discount_digest,
        with_comma(unit_price) as price,
        with_comma(line_discount) as discount,
        text_rule(discount, discount_digest) as discount_rule,

        case
            when share(price_digest, 0) < getvariable('rates').letter_in_price
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
        spoil_text(discount, discount_rule) as delivered_discount,
        unnest(deliveries(draws('pos.receipts delivery', row_id)), recursive := true)

    from priced

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('sold_at', sold_rule, sold, delivered_sold),
        defect('price', price_rule, price, delivered_price),
        defect('discount', discount_rule, discount, delivered_discount),
    ]) as _defects,

    shop as "Магазин",
    till as "Касса",
    receipt_number as "Номер чека",
    delivered_sold as "Дата и время",
    shown_card as "Карта лояльности",
    line_number as "Позиция",
    item.sku as "Артикул",
    item.product as "Наименование",
    quantity as "Количество",
    delivered_price as "Цена",
    delivered_discount as "Скидка",
    with_comma(line_amount - line_discount) as "Сумма",
    pick(['карта', 'карта', 'сбп', 'наличные'], share(style_digest, 3)) as "Оплата",
    if(is_return, 'Да', 'Нет') as "Возврат"

from delivered

order by printed_at, receipt, line_number, copy;
