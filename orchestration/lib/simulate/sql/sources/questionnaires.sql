-- Questionnaires that Russian customers filled in with a pen in a shop, typed into a
-- workbook. Who ticked the box for mailings really wants the newsletter.

create schema questionnaires;

create table questionnaires.answers as
with

handed_in as (

    select
        people.*,
        draws('questionnaire', person) as digest,
        draws('questionnaires.answers', person) as style_digest,
        greatest(registered_at, getvariable('start_at')) as since,
        since + floor((getvariable('end_at') - since) * share(digest, 1))::bigint
            as signed_at

    from people

    where country = 'RU'
        and share(digest, 0) < 0.12

),

clean as (

    select
        handed_in.*,
        row_number() over (order by signed_at, handed_in.person) as number,
        strftime(moscow(signed_at), '%d.%m.%Y') as signed,
        phone_in_style(phones[1], share(style_digest, 0)) as phone,
        if(share(digest, 2) < 0.6, emails[1], null) as own_email,

        case gender
            when 'f' then
                pick(['Ивановна', 'Сергеевна', 'Андреевна', 'Павловна'], share(digest, 3))
            else pick(['Иванович', 'Сергеевич', 'Андреевич', 'Павлович'], share(digest, 3))
        end as patronymic,

        share(digest, 4) < 0.6 as is_name_in_one_cell,

        own_email is not null
            and members.member is not null
            and coalesce(members.ended_by, 'bounce') = 'bounce' as is_consenting

    from handed_in

    left join members
        on members.email = handed_in.emails[1]

),

drawn as (

    select
        clean.*,
        draws('questionnaires.answers.signed_on', number) as signed_digest,
        draws('questionnaires.answers.phone', number) as phone_digest,
        draws('questionnaires.answers.email', number) as email_digest,
        draws('questionnaires.answers delivery', number) as delivery_digest

    from clean

),

ruled as (

    select
        drawn.*,
        written_date_rule(signed_at, signed_digest) as signed_rule,
        nullif(phone_rule(phone, phone_digest), 'missing_value') as phone_rule,
        nullif(email_rule(own_email, email_digest), 'missing_value') as email_rule

    from drawn

),

spoiled as (

    select
        ruled.*,
        spoil_phone(phone, phone_rule, phone_digest) as delivered_phone,
        spoil_email(own_email, email_rule, email_digest) as delivered_email,
        if(signed_rule is null, signed, strftime(moscow(signed_at), '%d/%m/%Y'))
            as delivered_signed

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
        defect('phone', phone_rule, phone, delivered_phone),
        defect('email', email_rule, own_email, delivered_email),
        defect('signed_on', signed_rule, signed, delivered_signed),
    ]) as _defects,
    person as _person,

    number as "№ анкеты",
    city as "Магазин",
    if(is_name_in_one_cell, concat(last_name, ' ', first_name, ' ', patronymic), null)
        as "ФИО",
    if(is_name_in_one_cell, null, last_name) as "Фамилия",
    if(is_name_in_one_cell, null, first_name) as "Имя",
    if(is_name_in_one_cell, null, patronymic) as "Отчество",
    if(gender = 'f', 'Ж', 'М') as "Пол",
    strftime(birth_on, '%d.%m.%Y') as "Дата рождения",
    delivered_phone as "Телефон",
    delivered_email as "E-mail",
    city as "Город",
    pick(
        ['походы, байдарки', 'лыжи', 'рыбалка', 'бег, йога', null], share(style_digest, 1)
    ) as "Увлечения",
    pick(['Палатка, 2019', 'Рюкзак', null], share(style_digest, 2))
        as "Чем пользуется сейчас",
    pick(['Горный мир', null, null], share(style_digest, 3)) as "Что ещё рассматривает",
    if(is_consenting, 'Да', 'Нет') as "Согласие на рассылку",
    delivered_signed as "Дата подписи",
    if(
        share(style_digest, 4) < 0.3,
        concat('https://vk.com/', split_part(emails[1], '@', 1)),
        null
    ) as "Ссылка на соцсеть",
    pick(['Ольга Титова', 'Антон Белов'], share(style_digest, 5)) as "Кто внёс"

from delivered

order by signed_at + delay, number, copy;
