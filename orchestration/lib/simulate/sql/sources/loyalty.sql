-- The loyalty programme: cards of some account holders, and what the ledger says of
-- them. An order earns a hundredth of its value, in roubles; the next order may spend a
-- half of that; the rest expires after a year; what is sent back is taken back.

create schema loyalty;

create table cards as
select
    2900000000000 + 16 * row_number() over (order by created_at, customer_id)
        + floor(share(draws('card', customer_id), 1) * 16)::bigint as card_number,
    customer_id,
    greatest(created_at, getvariable('start_at')) as issued_at

from accounts

where share(draws('card', customer_id), 0) < 0.6;

create table card_operations as
with

purchases as (

    select
        cards.card_number,
        orders.order_id,
        orders.name,
        orders.ordered_at,
        orders.paid_at,
        orders.refund_amount,

        case orders.currency when 'RUB' then 0.01 when 'EUR' then 1.0 else 0.9 end
            as points_per_unit,

        (orders.subtotal_amount * points_per_unit)::decimal(12, 2) as earned

    from orders

    inner join cards
        on cards.customer_id = orders.customer_id

    where orders.is_paid
        and not orders.is_guest

),

-- Nothing is spent of what was sent back, nor of what is older than 300 days.
followed as (

    select
        purchases.*,
        lead(ordered_at) over following as next_ordered_at,
        lead(name) over following as next_name,

        coalesce(
            refund_amount = 0
            and next_ordered_at < paid_at + 300 * 86400
            and next_ordered_at > paid_at + 3600
            and share(draws('spends points', order_id), 0) < 0.4,
            false
        ) as is_spent,

        if(is_spent, (earned / 2)::decimal(12, 2), 0.00) as spent

    from purchases

    window following as (
        partition by card_number order by ordered_at, order_id
    )

),

operations as (

    select
        card_number,
        0 as order_id,
        null as order_name,
        issued_at + 60 as happened_at,
        'Корректировка' as operation,
        200.00::decimal(12, 2) as change

    from cards

    union all

    select card_number, order_id, name, paid_at + 300, 'Начисление', earned

    from followed

    union all

    select
        card_number, order_id, next_name, next_ordered_at + 60, 'Списание', -spent

    from followed

    where spent > 0

    union all

    select
        card_number, order_id, name, paid_at + 5 * 86400, 'Возврат',
        -(refund_amount * points_per_unit)::decimal(12, 2)

    from followed

    where refund_amount > 0

    union all

    select
        card_number, order_id, name, paid_at + 365 * 86400, 'Сгорание', spent - earned

    from followed

    where refund_amount = 0

),

balanced as (

    select
        operations.*,
        row_number() over (order by happened_at, card_number, operation, order_id)
            as number,
        sum(change) over until_now as balance,
        sum(greatest(change, 0)) over until_now as collected

    from operations

    where happened_at < getvariable('end_at')

    window until_now as (
        partition by card_number order by happened_at, operation, order_id
        rows unbounded preceding
    )

)

select *

from balanced

order by number;

create table loyalty.ledger as
with

clean as (

    select
        card_operations.*,
        strftime(moscow(happened_at), '%d.%m.%Y %H:%M:%S') as happened,
        in_russian(
            if(operation in ('Списание', 'Сгорание'), -change, change)
        ) as points,
        draws('loyalty.ledger.points', number) as points_digest,
        draws('loyalty.ledger.happened_at', number) as happened_digest,
        draws('loyalty.ledger delivery', number) as delivery_digest

    from card_operations

),

ruled as (

    select
        clean.*,
        number_rule(points, points_digest) as points_rule,
        spoil_number(points, points_rule, points_digest) as delivered_points,
        written_date_rule(happened_at, happened_digest) as happened_rule,
        if(
            happened_rule is null,
            happened,
            strftime(moscow(happened_at), '%d/%m/%Y %H:%M')
        ) as delivered_happened

    from clean

),

delivered as (

    select
        ruled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from ruled

)

select
    number as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('happened_at', happened_rule, happened, delivered_happened),
        defect('points', points_rule, points, delivered_points),
    ]) as _defects,

    number as "Номер операции",
    card_number as "Номер карты",
    delivered_happened as "Дата операции",
    operation as "Операция",
    delivered_points as "Баллы",
    order_name as "Номер заказа",
    null as "Номер чека",
    in_russian(balance) as "Баланс",
    case
        when collected < 400 then 'Базовый'
        when collected < 1000 then 'Серебряный'
        else 'Золотой'
    end as "Уровень"

from delivered

order by happened_at + delay, number, copy;
