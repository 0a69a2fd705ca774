-- Randomness and the small vocabulary shared by every file in this folder.
--
-- Every draw is read out of a digest of (seed, purpose, id), so it depends neither on
-- the order of rows nor on the number of threads, and md5 gives the same bits in every
-- version of DuckDB. One digest holds eight independent shares of 16 bits; where more
-- are needed, take a digest for another purpose.
--
-- Instants (columns ending in _at) are whole unix seconds until they are delivered.
-- What the caller asked for is read with getvariable(); company.py sets it.

create macro draws(purpose, id) as
    md5_number(concat(getvariable('seed'), '/', purpose, '/', id));

-- A number in [0, 1) from one of the eight slots, 0 to 7, of a digest.
create macro share(digest, slot) as
    ((digest >> (16 * slot)::uhugeint) & 65535)::double / 65536;

-- A finer number in [0, 1) from a slot and its right neighbour, for instants.
create macro fine_share(digest, slot) as
    ((digest >> (16 * slot)::uhugeint) & 4294967295)::double / 4294967296;

create macro pick(choices, portion) as
    choices[1 + floor(portion * len(choices))::int];

-- A bijection of 0 .. size - 1 for any size whose only prime factors are 2 and 5:
-- the multiplier is divisible by neither.
create macro scramble(number, size) as
    (number * 48271813 + getvariable('scramble_offset')) % size;

create macro utc(instant) as make_timestamp(instant::bigint * 1000000);

-- Moscow has stood at +03:00 all year round since October 2014.
create macro moscow(instant) as make_timestamp((instant + 10800)::bigint * 1000000);

create macro iso_text(instant) as
    strftime(moscow(instant), '%Y-%m-%dT%H:%M:%S+03:00');

create macro in_russian(number) as
    translate(format('{:,.2f}', number::double), ',.', ' ,');

create macro moscow_day(instant) as (instant + 10800) // 86400;

create macro in_case(text, portion) as case
    when portion < 0.04 then upper(text)
    when portion < 0.07 then lower(text)
    else text
end;

create macro email_in_case(email, portion) as case
    when portion < 0.01 then upper(email)
    when portion < 0.04 then upper(email[1]) || email[2:]
    else email
end;

-- A name as one system happens to hold it: in full or short, native or in Latin.
create macro spelled(native, latin, short_native, short_latin, is_latin, is_short) as
    case
        when is_latin and is_short then short_latin
        when is_latin then latin
        when is_short then short_native
        else native
    end;

-- The ways in which people type a number that is '+', country code and digits.
create macro phone_in_style(phone, portion) as case
    when phone is null then null
    when portion < 0.25 then phone
    when portion < 0.40 then phone[2:]
    when phone[:2] = '+7' and portion < 0.70 then
        concat('8 (', phone[3:5], ') ', phone[6:8], '-', phone[9:10], '-', phone[11:])
    when phone[:2] = '+7' then
        concat('+7 ', phone[3:5], ' ', phone[6:8], '-', phone[9:10], '-', phone[11:])
    when phone[:2] = '+1' and portion < 0.70 then
        concat('+1 (', phone[3:5], ') ', phone[6:8], '-', phone[9:])
    when phone[:2] = '+1' then
        concat('1-', phone[3:5], '-', phone[6:8], '-', phone[9:])
    when portion < 0.70 then
        concat('+49 ', phone[4:7], ' ', phone[8:])
    else
        concat('+49-', phone[4:7], '-', phone[8:])
end;

set variable scramble_offset = (
    select (draws('scramble', 0) & 1073741823)::bigint
);

set variable products = (
    select list(products order by products.sku)
    from read_csv(
        getvariable('lists') || '/products.csv',
        header = true,
        columns = {
            'sku': 'varchar',
            'product': 'varchar',
            'vendor': 'varchar',
            'price_rub': 'decimal(10, 2)',
            'price_eur': 'decimal(10, 2)',
            'price_usd': 'decimal(10, 2)'
        }
    ) as products
);
