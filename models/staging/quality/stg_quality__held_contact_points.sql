with

held_texts as (

    select * from {{ source("quality", "held_contact_texts") }}

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

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
