-- Telephony: up to three calls with each contact of the CRM, in working hours. Whoever
-- asks not to be called is called no more, but may call.

create schema call_centre;

create table call_centre.calls as
with

wished as (

    select
        contacts.person,
        contacts.created_at,
        unnest(range(floor(share(draws('calls', record_id), 0) * 4)::bigint)) as wish,
        8 * record_id + wish as call,
        draws('call', call) as digest

    from contacts

),

held as (

    select
        wished.*,
        people.phones,

        moscow_day(
            greatest(created_at, getvariable('start_at'))
            + floor(
                (
                    getvariable('end_at')
                    - greatest(created_at, getvariable('start_at'))
                ) * fine_share(digest, 0)
            )::bigint
        ) * 86400 - 10800 + 32400 + floor(share(digest, 2) * 39600)::bigint
            as started_at,

        if(share(digest, 3) < 0.45, 'Входящий', 'Исходящий') as direction,

        case
            when share(digest, 4) < 0.70 then 'Отвечен'
            when share(digest, 4) < 0.85 then 'Нет ответа'
            when share(digest, 4) < 0.92 then 'Занято'
            when share(digest, 4) < 0.97 then 'Перезвонить'
            else 'Голосовая почта'
        end as result,

        result = 'Отвечен' and share(digest, 5) < 0.04 as is_refusal

    from wished

    inner join people
        on people.person = wished.person

),

permitted as (

    select
        held.*,
        min(started_at) filter (is_refusal) over (partition by phones[1])
            as refused_at

    from held

    qualify direction = 'Входящий'
        or coalesce(started_at <= refused_at, true)

),

clean as (

    select
        permitted.*,
        strftime(moscow(started_at), '%d.%m.%Y %H:%M:%S') as started,

        -- Some who call hide their number.
        if(
            direction = 'Входящий' and share(digest, 6) < 0.05,
            null,
            phone_in_style(phones[1], share(digest, 6))
        ) as phone,

        if(result = 'Отвечен', 10 + floor(share(digest, 7) * 590)::int, 0)::varchar
            as duration,

        draws('call_centre.calls', call) as style_digest,
        draws('call_centre.calls.started_at', call) as started_digest,
        draws('call_centre.calls.phone', call) as phone_digest,
        draws('call_centre.calls.duration', call) as duration_digest,
        draws('call_centre.calls delivery', call) as delivery_digest

    from permitted

),

ruled as (

    select
        clean.*,
        written_date_rule(started_at, started_digest) as started_rule,
        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule,
        number_rule(duration, duration_digest) as duration_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        spoil_number(duration, duration_rule, duration_digest) as delivered_duration,
        if(
            started_rule is null,
            started,
            strftime(moscow(started_at), '%d/%m/%Y %H:%M')
        ) as delivered_started

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from spoiled

)

select
    call as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('started_at', started_rule, started, delivered_started),
        defect('phone', phone_rule, phone, delivered_phone),
        defect('duration', duration_rule, duration, delivered_duration),
    ]) as _defects,

    'c-' || call as "ID звонка",
    delivered_started as "Начало",
    direction as "Направление",
    delivered_phone as "Телефон",
    pick(['Нина Белова', 'Игорь Котов', 'Вера Седова'], share(style_digest, 0))
        as "Оператор",
    if(
        direction = 'Исходящий',
        'Возврат клиентов',
        pick(['Продажи', 'Поддержка'], share(style_digest, 1))
    ) as "Очередь",
    delivered_duration as "Длительность, с",
    floor(share(style_digest, 2) * 60)::int as "Ожидание, с",
    result as "Результат",
    if(
        direction = 'Исходящий',
        'winback-' || strftime(moscow(started_at), '%Y-%m'),
        null
    ) as "Кампания",
    if(result = 'Отвечен', 'rec-' || call, null) as "ID записи",
    if(is_refusal, 'Да', 'Нет') as "Просил не звонить"

from delivered

order by started_at + delay, call, copy;
