-- How a clean cell is spoiled. A *_rule macro decides, from the digest drawn for the
-- cell and the rates, which defect the cell gets (null for none); where several would
-- strike, the first listed wins. A spoil_* macro then delivers the cell. Slots 0 to 3
-- of the digest decide, slot 7 chooses among the variants of a defect.

create schema truth;

create table truth.defects (
    source varchar,
    export varchar,
    file_name varchar,
    line bigint,
    column_name varchar,
    rule varchar,
    true_value varchar,
    delivered_value varchar,
);

create macro domain_typos(email) as case lower(split_part(email, '@', 2))
    when 'gmail.com' then ['gmial.com', 'gamil.com', 'gnail.com']
    when 'yandex.ru' then ['yandx.ru']
    when 'mail.ru' then ['maill.ru']
    when 'outlook.com' then ['outlok.com']
    when 'hotmail.com' then ['hotmial.com']
end;

create macro text_rule(value, digest) as case
    when value is null then null
    when share(digest, 0) < getvariable('rates').missing_value then 'missing_value'
end;

create macro email_rule(email, digest) as case
    when email is null then null
    when share(digest, 0) < getvariable('rates').placeholder then 'placeholder'
    when share(digest, 1) < getvariable('rates').email_domain_typo
        and domain_typos(email) is not null then 'email_domain_typo'
    when share(digest, 2) < getvariable('rates').homoglyph
        and regexp_matches(email, '^[^@]*[aceopxy]') then 'homoglyph'
    when share(digest, 3) < getvariable('rates').missing_value then 'missing_value'
end;

create macro phone_rule(phone, digest) as case
    when phone is null then null
    when share(digest, 0) < getvariable('rates').placeholder then 'placeholder'
    when share(digest, 1) < getvariable('rates').letter_for_digit
        and contains(phone, '0') then 'letter_for_digit'
    when share(digest, 2) < getvariable('rates').missing_value then 'missing_value'
end;

create macro written_date_rule(instant, digest) as case
    when day(moscow(instant)) > 12 and share(digest, 0)
        < getvariable('rates').foreign_date_format then 'foreign_date_format'
    when day(moscow(instant)) <= 12 and day(moscow(instant)) <> month(moscow(instant))
        and share(digest, 1) < getvariable('rates').ambiguous_date then 'ambiguous_date'
end;

-- The first zero becomes a Latin or a Cyrillic capital O.
create macro with_letter_for_zero(value, digest) as
    regexp_replace(value, '0', pick(['O', 'О'], share(digest, 7)));

-- A number of another system than the shop, as text.
create macro number_rule(value, digest) as case
    when share(digest, 0) < getvariable('rates').letter_in_price
        and contains(value, '0') then 'letter_for_digit'
end;

create macro spoil_number(value, rule, digest) as
    if(rule is null, value, with_letter_for_zero(value, digest));

create macro spoil_text(value, rule) as case
    when rule is null then value
end;

create macro spoil_email(email, rule, digest) as case rule
    when 'placeholder' then
        pick(
            [
                'test@test.com', 'noreply@example.com', 'no@mail.ru', 'test@test.ru'
            ],
            share(digest, 7)
        )
    when 'email_domain_typo' then concat(
        split_part(email, '@', 1), '@', pick(domain_typos(email), share(digest, 7))
    )
    when 'homoglyph' then regexp_replace(
        email,
        regexp_extract(email, '[aceopxy]'),
        translate(regexp_extract(email, '[aceopxy]'), 'aceopxy', 'асеорху')
    )
    when 'missing_value' then null
    else email
end;

create macro spoil_phone(phone, rule, digest) as case rule
    when 'placeholder' then concat(
        if(phone[1] = '''', '''', null),
        pick(
            ['0000000000', '1111111111', '+79777777777', '+70000000000'],
            share(digest, 7)
        )
    )
    when 'letter_for_digit' then with_letter_for_zero(phone, digest)
    when 'missing_value' then null
    else phone
end;

create type spoiled_cell as struct(
    column_name varchar,
    rule varchar,
    true_value varchar,
    delivered_value varchar
);

-- The entry of one spoiled cell, null for a cell that is delivered as it is.
create macro defect(column_name, rule, true_value, delivered_value) as case
    when rule is not null then {
        'column_name': column_name,
        'rule': rule,
        'true_value': true_value,
        'delivered_value': delivered_value
    }
end;

create macro defects_among(entries) as
    list_filter(entries, lambda entry: entry is not null);

-- The deliveries of one row: itself, and for a doubled row its copy. The delay says by
-- how many seconds of the export's own order the copy comes later; 0 is directly after.
create macro deliveries(digest) as case
    when share(digest, 0) < getvariable('rates').exact_duplicate then [
        {'copy': 0, 'delay': 0},
        {'copy': 1, 'delay': pick([0, 3600, 86400, 604800], share(digest, 7))}
    ]
    else [{'copy': 0, 'delay': 0}]
end;
