with

held_contacts as (

    {{ unmended_rows("hubspot", "contacts") }}

),

held_members as (

    {{ unmended_rows("mailchimp", "members") }}

),

held_events as (

    {{ unmended_rows("sendgrid", "events") }}

),

lines_of_no_record as (

    select
        {{ every_match("value", "[^,;|\"\t <>]+@[^,;|\"\t <>]+") }} as contact_text

    from {{ source("quality", "quarantine") }}

    where
        rule = 'ragged_row'
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

held_addresses as (

    select coalesce(emails.email, lower(trim(held_texts.contact_text))) as email

    from held_texts
    left join emails
        on emails.contact_text = held_texts.contact_text

    union all

    -- an opt-out counts for the address that a misspelt one stands for
    select emails.suggestion as email

    from held_texts
    inner join emails
        on emails.contact_text = held_texts.contact_text

),

final as (

    select email

    from held_addresses

    where email is not null

    group by email

)

select * from final
