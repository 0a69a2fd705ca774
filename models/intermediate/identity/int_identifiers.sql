with

records as (

    select * from {{ ref("int_source_records") }}

),

emails as (

    select
        source,
        export,
        record_id,
        'email' as identifier_type,
        email as identifier_value,
        {{ email_match_key("email") }} as match_key,
        first_seen_at,
        last_seen_at

    from records

    where email is not null

),

first_phones as (

    select
        source,
        export,
        record_id,
        'phone' as identifier_type,
        phone as identifier_value,
        phone as match_key,
        first_seen_at,
        last_seen_at

    from records

    where phone is not null

),

second_phones as (

    select
        source,
        export,
        record_id,
        'phone' as identifier_type,
        second_phone as identifier_value,
        second_phone as match_key,
        first_seen_at,
        last_seen_at

    from records

    where
        second_phone is not null
        and (phone is null or second_phone <> phone)

),

final as (

    select * from emails
    union all
    select * from first_phones
    union all
    select * from second_phones

)

select * from final
