with

held_contacts as (

    {{ quarantined_rows("hubspot", "contacts") }}

),

held_members as (

    {{ quarantined_rows("mailchimp", "members") }}

),

held_events as (

    {{ quarantined_rows("sendgrid", "events") }}

),

lines_of_no_record as (

    select
        {{ every_match("value", "[^,;|\"\t <>]+@[^,;|\"\t <>]+") }} as contact_text

    from {{ source("quality", "quarantine") }}

    where
        rule = 'ragged_row'
        and status = 'open'
        and source in ('hubspot', 'mailchimp', 'sendgrid')

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

held_texts as (

    select email as contact_text from held_contacts
    union all
    select email_address as contact_text from held_members
    union all
    select email as contact_text from held_events
    union all
    select contact_text from lines_of_no_record

),

final as (

    select coalesce(emails.email, lower(trim(held_texts.contact_text))) as email

    from held_texts
    left join emails
        on emails.contact_text = held_texts.contact_text

    where held_texts.contact_text is not null

    group by coalesce(emails.email, lower(trim(held_texts.contact_text)))

)

select * from final
