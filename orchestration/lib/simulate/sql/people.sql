-- The people of the company: one row per person in `people`, one row per mailbox of a
-- person in `addresses` (slot 1 is the main one). Mailboxes and phones are built on a
-- number that no two people share, so each belongs to exactly one person.

-- Lists are dealt out to slots, so that a draw becomes an equi-join on the slot: a
-- place holds as many of the 100 slots as its weight says, the names of one country
-- and gender share 240.
create table place_slots as
with

places as (

    select
        places.*,
        unnest(range(weight)) as part

    from read_csv(
        getvariable('lists') || '/places.csv',
        header = true,
        types = {'zip': 'varchar', 'latitude': 'varchar', 'longitude': 'varchar'}
    ) as places

)

select
    places.* exclude (weight, part),
    row_number() over (order by country, city, part) - 1 as slot

from places;

create macro name_slots(list_name) as table
with

names as (

    select
        names.*,
        row_number() over (partition by country, gender order by local) - 1 as position,
        count(*) over (partition by country, gender) as choices

    from read_csv(getvariable('lists') || '/' || list_name, header = true) as names

)

select
    names.* exclude (position, choices),
    slots.slot

from names

inner join range(240) as slots(slot)
    on slots.slot % names.choices = names.position;

create macro person_id(person) as 'P' || lpad(person::varchar, 8, '0');

create table people as
with

drawn as (

    select
        numbers.person,
        draws('person', numbers.person) as digest,
        draws('contact points', numbers.person) as points_digest

    from range(1, getvariable('customers') + 1) as numbers(person)

),

placed as (

    select
        drawn.*,
        place_slots.* exclude (slot),
        if(share(drawn.digest, 0) < 0.55, 'f', 'm') as gender

    from drawn

    inner join place_slots
        on place_slots.slot = floor(share(drawn.digest, 1) * 100)::bigint

),

named as (

    select
        placed.*,
        first_names.local as first_name,
        first_names.latin as first_latin,
        first_names.short_local as first_short,
        first_names.short_latin as first_short_latin,
        last_names.local as last_name,
        last_names.latin as last_latin

    from placed

    inner join name_slots('first_names.csv') as first_names
        on first_names.country = placed.country
        and first_names.gender = placed.gender
        and first_names.slot = floor(share(placed.digest, 2) * 240)::bigint

    inner join name_slots('last_names.csv') as last_names
        on last_names.country = placed.country
        and last_names.gender = placed.gender
        and last_names.slot = floor(share(placed.digest, 3) * 240)::bigint

),

reachable as (

    select
        named.*,

        lower(first_latin) as mailbox_first,
        lower(last_latin) as mailbox_last,
        list_transform(
            [3 * person, 3 * person + 1, 3 * person + 2],
            lambda number: scramble(number, getvariable('mailbox_numbers'))
        ) as mailbox_numbers,

        case country
            when 'RU' then [
                'gmail.com', 'gmail.com', 'gmail.com',
                'yandex.ru', 'yandex.ru', 'yandex.ru',
                'mail.ru', 'mail.ru', 'outlook.com', 'icloud.com'
            ]
            when 'DE' then [
                'gmail.com', 'gmail.com', 'gmx.de', 'gmx.de',
                'outlook.com', 'icloud.com'
            ]
            else [
                'gmail.com', 'gmail.com', 'gmail.com',
                'outlook.com', 'hotmail.com', 'icloud.com'
            ]
        end as mailbox_domains,

        ['vega.example.com', 'nordwind.example.org', 'polyus.example.net']
            as company_domains,

        -- Mobile ranges in use, and below each its own ten or eight million numbers.
        case country
            when 'RU' then [
                '+7903', '+7905', '+7909', '+7910', '+7915',
                '+7916', '+7921', '+7925', '+7926', '+7985'
            ]
            when 'DE' then [
                '+491511', '+491512', '+491514', '+491515', '+491516',
                '+491520', '+491522', '+491523', '+491573', '+491577'
            ]
            else [
                '+1202', '+1206', '+1212', '+1213', '+1305',
                '+1312', '+1415', '+1512', '+1617', '+1718'
            ]
        end as phone_ranges,

        if(country = 'US', 8000000, 10000000) as numbers_per_range,

        if(country = 'US', 2000000, 0) as first_number,

        list_transform(
            [2 * person, 2 * person + 1],
            lambda number: scramble(number, 10 * numbers_per_range)
        ) as phone_numbers

    from named

)

select
    person,

    country,
    country_name,
    language,
    currency,
    city,
    city_latin,
    region,
    zip,
    concat(street, ' ', 1 + floor(share(digest, 4) * 120)::int) as address_latin,
    latitude,
    longitude,
    time_zone,
    gmtoff,
    dstoff,

    gender,
    first_name,
    first_latin,
    first_short,
    first_short_latin,
    last_name,
    last_latin,
    -- From 18 to 78 years old.
    getvariable('end_on') - (6575 + floor(share(digest, 5) * 21900)::int)
        as birth_on,

    [
        concat(
            pick(
                [
                    concat(mailbox_first, '.', mailbox_last),
                    concat(mailbox_last, '.', mailbox_first),
                    concat(mailbox_first[1], '.', mailbox_last)
                ],
                share(points_digest, 0)
            ),
            mailbox_numbers[1],
            '@',
            pick(mailbox_domains, share(points_digest, 1))
        ),
        concat(
            mailbox_last, '_', mailbox_first[1], mailbox_numbers[2],
            '@', pick(mailbox_domains, share(points_digest, 2))
        ),
        concat(
            mailbox_first[1], '-', mailbox_last, mailbox_numbers[3],
            '@', pick(company_domains, share(points_digest, 3))
        )
    ][:case
        when share(points_digest, 4) < 0.60 then 1
        when share(points_digest, 4) < 0.90 then 2
        else 3
    end] as emails,

    list_transform(
        phone_numbers[:if(share(points_digest, 5) < 0.75, 1, 2)],
        lambda number: concat(
            phone_ranges[1 + number // numbers_per_range],
            lpad((first_number + number % numbers_per_range)::varchar, 7, '0')
        )
    ) as phones,

    -- The shop grew evenly and stood before the first day of the exports.
    (
        getvariable('start_at')
        + floor(
            (getvariable('end_at') - getvariable('start_at'))
            * (fine_share(digest, 6) * 1.6 - 0.6)
        )
    )::bigint as registered_at

from reachable

order by person;

create table addresses as
select
    person,
    generate_subscripts(emails, 1) as slot,
    unnest(emails) as email,
    registered_at

from people

order by person, slot;
