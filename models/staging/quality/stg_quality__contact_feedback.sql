with

feedback as (

    select * from {{ source("quality", "contact_feedback") }}

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

contacts as (

    select email as contact_point

    from emails

    where email is not null

    union all

    select phone as contact_point

    from phones

    where phone is not null

),

final as (

    select
        feedback.channel,
        contacts.contact_point,
        feedback.reason,
        feedback.destination,
        feedback.noted_at

    from feedback
    inner join contacts
        on {{ sha256_hex("contacts.contact_point") }} = feedback.contact_hash

    group by
        feedback.channel,
        contacts.contact_point,
        feedback.reason,
        feedback.destination,
        feedback.noted_at

)

select * from final
