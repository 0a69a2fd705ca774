-- The shop on InSales: its catalogue and its sales, one row per item, in roubles.

create schema insales;

create table insales.products as
with

drawn as (

    select
        catalogue.*,
        9100000 + product_number as variant_id,
        draws('insales.products', variant_id) as digest,
        draws('insales.products.price', variant_id) as price_digest,
        with_comma(price_rub) as price,

        case
            when share(price_digest, 0) < getvariable('rates').letter_in_price
                and contains(price, '0') then 'letter_for_digit'
        end as price_rule

    from catalogue

),

delivered as (

    select
        drawn.*,
        if(price_rule is null, price, with_letter_for_zero(price, price_digest))
            as delivered_price,
        unnest(deliveries(draws('insales.products delivery', variant_id)), recursive := true)

    from drawn

)

select
    variant_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('price', price_rule, price, delivered_price),
    ]) as _defects,

    8100000 + product_number as "ID товара",
    product as "Название товара или услуги",
    lower(sku) as "Название товара в URL",
    'https://shop.example.com/product/' || lower(sku) as "URL",
    null as "Краткое описание",
    concat('<p class="about">', product, '</p>') as "Полное описание",
    if(share(digest, 0) < 0.9, 'выставлен', 'скрыт') as "Видимость на витрине",
    'да' as "Применять скидки",
    null as "Тег title",
    null as "Мета-тег keywords",
    null as "Мета-тег description",
    'Каталог/' || vendor as "Размещение на сайте",
    null as "Весовой коэффициент",
    'RUR' as "Валюта склада",
    'Без НДС' as "НДС",
    'шт' as "Единица измерения",
    null as "Габариты",
    concat('https://cdn.example.com/', lower(sku), '.jpg') as "Изображения",
    null as "Ссылка на видео",
    variant_id as "ID варианта",
    sku as "Артикул",
    null as "Штрих-код",
    null as "Габариты варианта",
    delivered_price as "Цена продажи",
    null as "Старая цена",
    with_comma((price_rub * 0.6)::decimal(12, 2)) as "Цена закупки",
    with_comma(floor(share(digest, 1) * 200)::decimal(5, 1)) as "Остаток",
    with_comma((0.05 + share(digest, 2) * 3)::decimal(5, 3)) as "Вес",
    null as "Изображения варианта",
    vendor as "Параметр: Бренд"

from delivered

order by variant_id, copy;

create table insales.orders as
with

drawn as (

    select
        sales.*,
        1000 + sale_number as id,
        draws('insales.orders', id) as style_digest,
        draws('insales.orders.email', id) as email_digest,
        draws('insales.orders.phone', id) as phone_digest,
        draws('insales.orders.created_at', id) as created_digest,
        email_in_case(email, share(style_digest, 0)) as typed_email,
        phone_in_style(phone, share(style_digest, 1)) as typed_phone

    from sales

    where channel = 'insales'

),

-- Either contact may be empty anyway, so none is blanked.
ruled as (

    select
        drawn.*,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,
        written_date_rule(sold_at, created_digest) as created_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        strftime(moscow(sold_at), '%d.%m.%Y %H:%M') as created,
        if(created_rule is null, created, strftime(moscow(sold_at), '%d/%m/%Y %H:%M'))
            as delivered_created

    from ruled

),

priced as (

    select
        spoiled.*,
        sale_lines.* exclude (channel, sale_number),
        8 * id + line_number as row_id,
        draws('insales.orders.price', row_id) as price_digest,
        with_comma(unit_price) as price,

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
        unnest(deliveries(draws('insales.orders delivery', row_id)), recursive := true)

    from priced

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('created_at', created_rule, created, delivered_created),
        defect('phone', phone_rule, typed_phone, delivered_phone),
        defect('email', email_rule, typed_email, delivered_email),
        defect('price', price_rule, price, delivered_price),
    ]) as _defects,

    61000000 + id as "ID заказа",
    id as "Номер заказа",
    delivered_created as "Дата создания",
    case outcome
        when 'paid' then pick(['Доставлен', 'Отгружен'], share(style_digest, 2))
        when 'refunded' then 'Возврат'
        when 'cancelled' then 'Отменён'
        else 'Новый'
    end as "Статус",
    if(outcome in ('paid', 'refunded'), 'Оплачен', 'Не оплачен') as "Статус оплаты",
    'Банковская карта' as "Способ оплаты",
    'Курьер' as "Способ доставки",
    with_comma(shipping_amount) as "Стоимость доставки",
    50000 + person as "ID покупателя",
    last_name as "Фамилия",
    first_name as "Имя",
    delivered_phone as "Телефон",
    delivered_email as "E-mail",
    region as "Регион",
    native_city as "Город",
    address as "Адрес",
    zip as "Индекс",
    9100001 + place as "ID варианта",
    item.sku as "Артикул",
    item.product as "Название товара",
    quantity as "Количество",
    delivered_price as "Цена продажи",
    with_comma(discount_amount) as "Сумма скидки",
    with_comma(total_amount) as "Сумма заказа",
    discount_code as "Купон",
    null as "Комментарий покупателя",
    'Ольга Крылова' as "Менеджер"

from delivered

order by id, line_number, copy;
