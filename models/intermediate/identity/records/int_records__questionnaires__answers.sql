with

answers as (

    select * from {{ ref("stg_questionnaires__answers") }}

),

records as (

    select
        {{ source_record(
            "questionnaires", "answers",
            record_id="form_number",
            first_name="first_name",
            last_name="last_name",
            email="email",
            phone="phone",
            city="city",
            birth_date="birth_date",
            first_seen_at="cast(signed_on as timestamp)",
            last_seen_at="cast(signed_on as timestamp)",
            social_link="social_link"
        ) }}

    from answers

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
