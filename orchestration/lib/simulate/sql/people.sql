-- The people of the company: one row per person in `people`, one row per person and
-- mailbox in `addresses` (slot 1 is the main one), one row per mailbox in `mailboxes`.
-- Mailboxes and phones are built on a number that no two people share, so each belongs
-- to one person, but for what a household has together and for role mailboxes.

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
    row_number() over (order by country, city, part) - 1 as slot,
    row_number() over (partition by country order by city, part) - 1 as position,
    count(*) over (partition by country) as choices

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

-- Beside each first name the next one of the alphabet, mostly of the same initial.
create table first_name_slots as
with

names as (

    select distinct on (country, gender, local) * exclude (slot)

    from name_slots('first_names.csv')

),

neighbours as (

    select
        names.*,
        coalesce(
            lead(names) over alphabet, first(names) over alphabet
        ) as like_named

    from names

    window alphabet as (
        partition by country, gender
        order by local
        rows between unbounded preceding and unbounded following
    )

)

select
    slots.slot,
    neighbours.*

from name_slots('first_names.csv') as slots

inner join neighbours
    on neighbours.country = slots.country
    and neighbours.gender = slots.gender
    and neighbours.local = slots.local;

-- Ordered by name, the masculine and the feminine forms of one surname share their slots.
create table last_name_slots as
select * from name_slots('last_names.csv');

create macro person_id(person) as 'P' || lpad(person::varchar, 8, '0');

create macro household_id(household) as 'H' || lpad(household::varchar, 8, '0');

-- Of 18 people the first live together: two and two, three, or four. A household is
-- named by its first person; null for who lives alone.
create macro household_of(person) as case
    when (person - 1) % 18 > 3 then null
    when share(draws('household', (person - 1) // 18), 0) < 0.35
        then person - (person - 1) % 2
    when share(draws('household', (person - 1) // 18), 0) < 0.70
        then if((person - 1) % 18 < 3, person - (person - 1) % 18, null)
    else person - (person - 1) % 18
end;

-- What a person had before something changed, or has since.
create macro then_or_now(instant, changed_at, former, current) as
    if(instant < changed_at, former, current);

create table people as
with

numbered as (

    select
        numbers.person,

        -- The first of a household alone, where the company ends, lives alone.
        case when household_of(numbers.person) < getvariable('customers')
            then household_of(numbers.person)
        end as household,

        coalesce(household, numbers.person) as home

    from range(1, getvariable('customers') + 1) as numbers(person)

),

drawn as (

    select
        numbered.*,
        draws('person', person) as digest,
        draws('person', home) as home_digest,
        draws('contact points', person) as points_digest,
        draws('contact points of a home', home) as shared_digest,
        draws('kin', person) as kin_digest,
        draws('move', home) as move_digest,
        draws('marriage', person) as marriage_digest

    from numbered

),

-- What the members of a household are to its first person.
related as (

    select
        drawn.*,
        if(share(home_digest, 0) < 0.55, 'f', 'm') as home_gender,

        -- From 18 to 78 years old.
        6575 + floor(share(home_digest, 5) * 21900)::int as home_age,

        case
            when household is null then null
            when person = home then 'head'
            when person = home + 1 and share(kin_digest, 0) < 0.72 then 'partner'
            when person = home + 1 and share(kin_digest, 0) < 0.80 then 'twin'
            when home_age < 16000 then 'parent'
            else 'child'
        end as relation,

        -- One child in thirty has the name of a parent, one in five the next name of the
        -- alphabet, mostly with the same initial; siblings never share one.
        case
            when relation not in ('child', 'parent') or person > home + 2 then null
            when person = home + 2 and share(draws('kin', home + 1), 0) >= 0.80
                then null
            when share(kin_digest, 1) < 0.03 then 'same'
            when share(kin_digest, 1) < 0.23 then 'alike'
        end as namesake

    from drawn

),

born as (

    select
        related.*,

        case
            when relation = 'partner' then if(home_gender = 'f', 'm', 'f')
            when namesake is not null then home_gender
            else if(share(digest, 0) < 0.55, 'f', 'm')
        end as gender,

        case
            when namesake is not null then floor(share(home_digest, 2) * 240)::bigint
            -- There are ten names at least, so that twins never get the same.
            when relation = 'twin' then
                (
                    floor(share(home_digest, 2) * 240)
                    + 1 + floor(share(kin_digest, 2) * 9)
                )::bigint % 240
            else floor(share(digest, 2) * 240)::bigint
        end as first_slot,

        relation in ('child', 'parent', 'twin')
            or (relation = 'partner' and share(kin_digest, 3) < 0.85)
            as has_family_name,

        floor(share(home_digest, 3) * 240)::bigint as family_slot,

        if(has_family_name, family_slot, floor(share(digest, 3) * 240)::bigint)
            as last_slot,

        case relation
            when 'twin' then home_age
            when 'partner' then greatest(
                6575, home_age + floor((share(digest, 5) - 0.5) * 5840)::int
            )
            when 'parent' then home_age + 7300 + floor(share(digest, 5) * 5475)::int
            when 'child' then
                6575 + floor(share(digest, 5) * (home_age - 13875))::int
            else 6575 + floor(share(digest, 5) * 21900)::int
        end as age,

        -- Who takes the partner's name does so in these years, or long before.
        gender = 'f'
            and share(marriage_digest, 0) < case
                when relation = 'partner' and has_family_name then 0.15
                when coalesce(relation, 'head') = 'head' then 0.03
                else 0
            end as is_renamed,

        floor(share(marriage_digest, 1) * 240)::bigint as former_slot,

        case when is_renamed then
            getvariable('start_at') + floor(
                (getvariable('end_at') - getvariable('start_at'))
                * fine_share(marriage_digest, 2)
            )::bigint
        end as renamed_at,

        -- The shop grew evenly and stood before the first day of the exports.
        (
            getvariable('start_at')
            + floor(
                (getvariable('end_at') - getvariable('start_at'))
                * (fine_share(digest, 6) * 1.6 - 0.6)
            )
        )::bigint as registered_at

    from related

),

-- A household moves as a whole, within its country.
placed as (

    select
        born.*,
        place_slots.* exclude (slot, position, choices),
        concat(place_slots.street, ' ', 1 + floor(share(home_digest, 4) * 120)::int)
            as address_latin,

        case when share(move_digest, 0) < 0.06 then
            getvariable('start_at') + floor(
                (getvariable('end_at') - getvariable('start_at'))
                * fine_share(move_digest, 1)
            )::bigint
        end as moved_at,

        case when moved_at is not null then
            floor(share(move_digest, 3) * place_slots.choices)::bigint
        end as former_position

    from born

    inner join place_slots
        on place_slots.slot = floor(share(home_digest, 1) * 100)::bigint

),

moved as (

    select
        placed.*,

        case when placed.moved_at is not null then {
            'city': former.city,
            'city_latin': former.city_latin,
            'region': former.region,
            'zip': former.zip,
            'address_latin': concat(
                former.street, ' ', 1 + floor(share(move_digest, 4) * 120)::int
            ),
            'latitude': former.latitude,
            'longitude': former.longitude,
            'time_zone': former.time_zone,
            'gmtoff': former.gmtoff,
            'dstoff': former.dstoff
        } end as former_home

    from placed

    left join place_slots as former
        on former.country = placed.country
        and former.position = placed.former_position

),

named as (

    select
        moved.*,
        if(namesake = 'alike', first_names.like_named.local, first_names.local)
            as first_name,
        if(namesake = 'alike', first_names.like_named.latin, first_names.latin)
            as first_latin,
        if(
            namesake = 'alike',
            first_names.like_named.short_local,
            first_names.short_local
        ) as first_short,
        if(
            namesake = 'alike',
            first_names.like_named.short_latin,
            first_names.short_latin
        ) as first_short_latin,
        last_names.local as last_name,
        last_names.latin as last_latin,
        if(is_renamed, former_names.local, null) as former_last_name,
        if(is_renamed, former_names.latin, null) as former_last_latin,
        family_names.latin as family_latin

    from moved

    inner join first_name_slots as first_names
        on first_names.country = moved.country
        and first_names.gender = moved.gender
        and first_names.slot = moved.first_slot

    inner join last_name_slots as last_names
        on last_names.country = moved.country
        and last_names.gender = moved.gender
        and last_names.slot = moved.last_slot

    inner join last_name_slots as former_names
        on former_names.country = moved.country
        and former_names.gender = moved.gender
        and former_names.slot = moved.former_slot

    inner join last_name_slots as family_names
        on family_names.country = moved.country
        and family_names.gender = 'm'
        and family_names.slot = moved.family_slot

),

reachable as (

    select
        named.*,

        lower(first_latin) as mailbox_first,
        lower(then_or_now(registered_at, renamed_at, former_last_latin, last_latin))
            as mailbox_last,
        list_transform(
            [3 * person, 3 * person + 1, 3 * person + 2, 3 * home],
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
            [2 * person, 2 * person + 1, 2 * home],
            lambda number: scramble(number, 10 * numbers_per_range)
        ) as phone_numbers,

        coalesce(share(shared_digest, 0) < 0.80, false) and household is not null
            as has_family_phone,

        -- Only the first two of a household sign with its mailbox.
        household is not null and person <= home + 1 and share(shared_digest, 1) < 0.40
            as has_family_mailbox,

        -- Some firms have one mailbox for everybody; six people each know of it.
        share(points_digest, 6) < 0.20 as has_role_mailbox,
        1 + floor(share(points_digest, 3) * (1 + getvariable('customers') // 300))::int
            as firm

    from named

),

numbered_points as (

    select
        reachable.*,

        [
            if(
                has_family_mailbox,
                concat(
                    'family.', lower(family_latin), mailbox_numbers[4],
                    '@', pick(mailbox_domains, share(shared_digest, 2))
                ),
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
                )
            ),
            concat(
                mailbox_last, '_', mailbox_first[1], mailbox_numbers[2],
                '@', pick(mailbox_domains, share(points_digest, 2))
            ),
            if(
                has_role_mailbox,
                concat(
                    pick(
                        ['info', 'office', 'sales', 'zakupki'],
                        share(draws('firm', firm), 0)
                    ),
                    '@firm', firm, '.example.com'
                ),
                concat(
                    mailbox_first[1], '-', mailbox_last, mailbox_numbers[3],
                    '@', pick(company_domains, share(points_digest, 3))
                )
            )
        ][:case
            when share(points_digest, 4) < 0.60 then 1
            when share(points_digest, 4) < 0.90 then 2
            else 3
        end] as emails,

        list_transform(
            phone_numbers,
            lambda number: concat(
                phone_ranges[1 + number // numbers_per_range],
                lpad((first_number + number % numbers_per_range)::varchar, 7, '0')
            )
        ) as numbers

    from reachable

)

select
    person,
    household,
    relation,

    country,
    country_name,
    language,
    currency,
    city,
    city_latin,
    region,
    zip,
    address_latin,
    latitude,
    longitude,
    time_zone,
    gmtoff,
    dstoff,
    moved_at,
    former_home,

    gender,
    first_name,
    first_latin,
    first_short,
    first_short_latin,
    last_name,
    last_latin,
    renamed_at,
    former_last_name,
    former_last_latin,
    getvariable('end_on') - age as birth_on,

    emails,
    has_family_mailbox,
    has_role_mailbox and len(emails) = 3 as has_role_mailbox,

    -- Of a family's number, some say no other, some also their own, some do not say it.
    case
        when not has_family_phone or person = home or share(points_digest, 7) >= 0.85
            then numbers[:if(share(points_digest, 5) < 0.75, 1, 2)]
        when share(points_digest, 7) < 0.30 then [numbers[3]]
        when share(points_digest, 7) < 0.65 then [numbers[3], numbers[1]]
        else [numbers[1], numbers[3]]
    end as phones,

    has_family_phone and contains(phones, numbers[3]) as has_family_phone,
    if(has_family_phone, numbers[3], null) as family_phone,
    registered_at

from numbered_points

order by person;

create table addresses as
with

given as (

    select
        person,
        generate_subscripts(emails, 1) as slot,
        unnest(emails) as email,
        registered_at

    from people

)

select
    given.*,
    count(*) over (partition by email) > 1 as is_shared,
    row_number() over (partition by email order by registered_at, person) = 1
        as is_first

from given

order by person, slot;

-- A list holds a mailbox once, under the name of who registered with it first.
create view mailboxes as
select * exclude (is_shared, is_first)

from addresses

where is_first;
