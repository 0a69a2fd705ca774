-- What the CRMs keep beside people: the companies that some people work for, and the
-- deals that are made with them. Each CRM exports the part that its market looks after.

create macro manager(portion) as
    pick(['Olga Titova', 'Anton Belov', 'Nina Weber', 'Mark Hill'], portion);

create macro russian_manager(portion) as
    pick(['Ольга Титова', 'Антон Белов', 'Нина Вебер', 'Марк Хилл'], portion);

create table companies as
with

drawn as (

    select
        numbers.number,
        draws('company', numbers.number) as digest,
        draws('company details', numbers.number) as details_digest

    from range(1, 4 + getvariable('customers') // 15) as numbers(number)

),

placed as (

    select
        drawn.*,
        place_slots.* exclude (slot)

    from drawn

    inner join place_slots
        on place_slots.slot = floor(share(drawn.digest, 0) * 100)::bigint

)

select
    number,
    details_digest as digest,
    row_number() over (partition by country order by number) - 1 as position,
    count(*) over (partition by country) as choices,
    country,
    country_name,
    currency,
    city,
    city_latin,
    region,
    zip,
    concat(street, ' ', 1 + floor(share(digest, 1) * 120)::int) as address_latin,

    case country
        when 'RU' then concat(
            'ООО "',
            pick(['Вега', 'Полюс', 'Северный ветер', 'Азимут'], share(digest, 2)),
            pick(['', ' Трейд', ' Плюс', ' и партнёры'], share(digest, 3)), '"'
        )
        when 'DE' then concat(
            pick(['Nordwind', 'Alpenblick', 'Wanderlust'], share(digest, 2)),
            pick([' GmbH', ' & Söhne GmbH', ' Handels AG'], share(digest, 3))
        )
        else concat(
            pick(['Summit', 'Granite', 'Blue Ridge'], share(digest, 2)),
            pick([' Supply, Inc.', ' "Outdoor" LLC', ' & Sons'], share(digest, 3))
        )
    end as name,

    'company' || number || '.example.com' as domain,
    1 + floor(share(digest, 4) * 8)::int as industry,
    (5 + floor(share(digest, 5) * 600))::int as employees,
    employees * (40000 + floor(share(digest, 6) * 90000)::int) as revenue,

    -- Landlines, of codes that no person's number opens with.
    concat(
        case country when 'RU' then '+7495' when 'DE' then '+4930' else '+1646' end,
        2000000 + (number * 7919) % 7000000
    ) as phone,

    (
        getvariable('start_at')
        + floor(
            (getvariable('end_at') - getvariable('start_at'))
            * fine_share(details_digest, 0)
        )
    )::bigint as created_at,

    (
        created_at
        + floor((getvariable('end_at') - created_at) * share(details_digest, 2))
    )::bigint as modified_at

from placed

order by number;

create macro industry_name(industry) as [
    'Sporting Goods', 'Retail', 'Law Practice', 'Hospitality', 'Construction',
    'Education Management', 'Leisure, Travel & Tourism', 'Computer Software'
][industry];

create macro russian_industry_name(industry) as [
    'Спортивные товары', 'Розничная торговля', 'Юридические услуги', 'Гостиницы',
    'Строительство', 'Образование', 'Туризм; отдых', 'Разработка ПО'
][industry];

-- One row per person who works for one of the companies, in the person's country.
create table employments as
with

drawn as (

    select
        person,
        country,
        draws('employment', person) as digest

    from people

)

select
    drawn.person,
    companies.number as company

from drawn

inner join companies
    on companies.country = drawn.country
    and companies.position = floor(share(drawn.digest, 1) * companies.choices)::bigint

where share(drawn.digest, 0) < 0.25

order by drawn.person;

create table deals as
with

occasions as (

    select
        person,
        registered_at,
        unnest(range(1, if(share(draws('deals', person), 1) < 0.25, 3, 2))) as occasion

    from people

    where share(draws('deals', person), 0) < 0.35

),

begun as (

    select
        person,
        occasion,
        draws('deal', concat(person, '/', occasion)) as digest,
        draws('deal outcome', concat(person, '/', occasion)) as outcome_digest,
        greatest(registered_at, getvariable('start_at')) as since,
        (since + floor((getvariable('end_at') - since) * fine_share(digest, 0)))::bigint
            as created_at

    from occasions

),

ended as (

    select
        begun.*,
        created_at + 172800 + floor(share(outcome_digest, 0) * 3456000)::bigint
            as decided_at,

        case
            when decided_at >= getvariable('end_at') then 'open'
            when share(outcome_digest, 1) < 0.50 then 'won'
            when share(outcome_digest, 1) < 0.80 then 'lost'
            else 'open'
        end as status,

        if(status = 'open', null, decided_at) as closed_at

    from begun

)

select
    row_number() over (order by ended.created_at, ended.person, ended.occasion)
        as number,
    ended.person,
    people.country,
    people.currency,
    employments.company,
    ended.created_at,
    ended.closed_at,
    ended.decided_at,

    coalesce(
        ended.closed_at,
        ended.created_at + floor(
            (getvariable('end_at') - ended.created_at) * share(ended.digest, 2)
        )
    )::bigint as modified_at,

    ended.status,
    ended.outcome_digest,
    product(floor(share(ended.digest, 3) * product_count())::int) as item,
    5 + floor(share(ended.digest, 4) * 40)::int as quantity,
    (quantity * price_of(item, people.currency))::decimal(12, 2) as amount,
    1 + floor(share(ended.digest, 5) * 3)::int as stage,
    share(ended.digest, 6) as manager_share,
    share(ended.digest, 7) as source_share

from ended

inner join people
    on people.person = ended.person

left join employments
    on employments.person = ended.person

order by number;

-- How a deal's amount, its currency and the time of its creation are spoiled. A rate is
-- looked for on the day of creation, so that a row has one of the latter two at most.
create macro amount_rule(amount, digest) as case
    when share(digest, 0) < getvariable('rates').letter_in_price
        and contains(amount, '0') then 'letter_for_digit'
end;

create macro spoil_amount(amount, rule, digest) as
    if(rule is null, amount, with_letter_for_zero(amount, digest));

create macro currency_rule(digest) as case
    when share(digest, 0) < getvariable('rates').currency_without_rate
        then 'currency_without_rate'
end;

create macro spoil_date(written, instant, rule) as
    if(rule is null, written, strftime(moscow(instant), '%d/%m/%Y %H:%M'));
