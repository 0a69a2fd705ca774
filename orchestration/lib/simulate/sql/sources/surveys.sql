-- Answers to the question of recommendation, asked after a delivery.

create schema surveys;

create table nps_answers as
with

answered as (

    select
        number,
        person,
        email,
        phone,
        financial_status,
        draws('nps', order_id) as digest,
        fulfilled_at + 43200 + floor(share(digest, 1) * 518400)::bigint as responded_at

    from orders

    where fulfilled_at is not null
        and share(digest, 0) < 0.25
        and responded_at < getvariable('end_at')

)

select
    answered.*,

    -- Whoever sent something back is hard to please.
    if(
        financial_status = 'paid',
        pick([10, 10, 10, 10, 9, 9, 9, 8, 8, 7, 6, 4], share(digest, 2)),
        floor(share(digest, 2) * 8)::int
    ) as score,

    pick(['Delivery', 'Delivery', 'Product', 'Support'], share(digest, 6))
        as touchpoint

from answered;

create table surveys.nps_responses as
with

first_contacts as (

    select
        person,
        min(record_id) as contact_id

    from contacts

    group by person

),

clean as (

    select
        nps_answers.* exclude (score),
        nps_answers.score::varchar as score,
        strftime(moscow(responded_at), '%Y-%m-%d %H:%M') as responded,
        email_in_case(email, share(digest, 3)) as typed_email,
        if(email is null, phone_in_style(phone, share(digest, 4)), null) as typed_phone,
        if(share(digest, 5) < 0.6, contact_id, null) as contact_id,
        draws('surveys.nps_responses.score', number) as score_digest,
        draws('surveys.nps_responses.responded_at', number) as responded_digest,
        draws('surveys.nps_responses.email', number) as email_digest,
        draws('surveys.nps_responses.phone', number) as phone_digest,
        draws('surveys.nps_responses.touchpoint', number) as touchpoint_digest,
        draws('surveys.nps_responses delivery', number) as delivery_digest

    from nps_answers

    left join first_contacts
        on first_contacts.person = nps_answers.person

),

ruled as (

    select
        clean.*,
        number_rule(score, score_digest) as score_rule,
        written_date_rule(responded_at, responded_digest) as responded_rule,
        nullif(email_rule(typed_email, email_digest), 'missing_value') as email_rule,
        nullif(phone_rule(typed_phone, phone_digest), 'missing_value') as phone_rule,
        text_rule(touchpoint, touchpoint_digest) as touchpoint_rule

    from clean

),

spoiled as (

    select
        ruled.*,
        spoil_number(score, score_rule, score_digest) as delivered_score,
        spoil_email(typed_email, email_rule, email_digest) as delivered_email,
        spoil_phone(typed_phone, phone_rule, phone_digest) as delivered_phone,
        spoil_text(touchpoint, touchpoint_rule) as delivered_touchpoint,
        if(
            responded_rule is null,
            responded,
            strftime(moscow(responded_at), '%d/%m/%Y %H:%M')
        ) as delivered_responded

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
        defect('responded_at', responded_rule, responded, delivered_responded),
        defect('score', score_rule, score, delivered_score),
        defect('email', email_rule, typed_email, delivered_email),
        defect('phone', phone_rule, typed_phone, delivered_phone),
        defect('touchpoint', touchpoint_rule, touchpoint, delivered_touchpoint),
    ]) as _defects,

    'N-' || number as "Response ID",
    delivered_responded as "Responded at",
    delivered_score as "Score",
    delivered_email as "Email",
    delivered_phone as "Phone",
    contact_id as "Contact ID",
    delivered_touchpoint as "Touchpoint",
    case
        when share(digest, 7) < 0.2 then 'Всё отлично, спасибо!'
        when share(digest, 7) < 0.3 then 'Good, but "express" took a week'
    end as "Comment"

from delivered

order by responded_at + delay, number, copy;
