-- The shop on 1C-Bitrix: its sales, one row per order, the positions packed into one cell
-- with a line for each.

create schema bitrix_shop;

create macro roubles(amount) as concat(
    replace(format('{:,}', floor(amount)::bigint), ',', ' '),
    if(amount % 1 = 0, null, ',' || split_part(amount::varchar, '.', 2)),
    ' руб'
);

create table bitrix_shop.orders as
with

drawn as (

    select
        sales.*,
        draws('bitrix_shop.orders.created_at', sale_number) as created_digest,
        draws('bitrix_shop.orders.total', sale_number) as total_digest,
        roubles(total_amount) as total,
        written_date_rule(sold_at, created_digest) as created_rule,

        case
            when share(total_digest, 0) < getvariable('rates').letter_in_price
                and contains(total, '0') then 'letter_for_digit'
        end as total_rule

    from sales

    where channel = 'bitrix_shop'

),

spoiled as (

    select
        drawn.*,
        strftime(moscow(sold_at), '%d.%m.%Y %H:%M:%S') as created,
        if(
            created_rule is null,
            created,
            strftime(moscow(sold_at), '%d/%m/%Y %H:%M:%S')
        ) as delivered_created,
        if(total_rule is null, total, with_letter_for_zero(total, total_digest))
            as delivered_total

    from drawn

),

delivered as (

    select
        spoiled.*,
        unnest(
            deliveries(draws('bitrix_shop.orders delivery', sale_number)),
            recursive := true
        )

    from spoiled

)

select
    sale_number as _row,
    copy as _copy,
    2 * line_count - 1 as _lines,
    defects_among([
        defect('created_at', created_rule, created, delivered_created),
        defect('total', total_rule, total, delivered_total),
    ]) as _defects,

    '№A' || sale_number as "Номер заказа",
    delivered_created as "Дата создания",
    delivered_total as "Сумма",
    case outcome
        when 'paid' then 'Выполнен'
        when 'refunded' then 'Возврат'
        when 'cancelled' then 'Отменен'
        else 'Принят, ожидается оплата'
    end as "Статус",
    if(outcome in ('paid', 'refunded'), 'Да', 'Нет') as "Оплачен",
    if(outcome = 'cancelled', 'Да', 'Нет') as "Отменен",
    array_to_string(
        list_transform(
            lines,
            lambda line: concat(
                '[', 11 + line.place, '] ', product(line.place).product,
                ' (', line.quantity, ' шт)'
            )
        ),
        chr(10)
    ) as "Позиции",
    array_to_string(
        list_transform(lines, lambda line: roubles(line.unit_price)), chr(10)
    ) as "Цена товара"

from delivered

order by sold_at + delay, sale_number, copy;
