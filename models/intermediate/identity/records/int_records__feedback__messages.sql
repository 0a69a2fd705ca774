with

messages as (

    select * from {{ ref("stg_feedback__messages") }}

),

records as (

    select
        {{ source_record(
            "feedback", "messages",
            record_id="message_id",
            first_name=first_of_full_name("person_name", is_lone_first=true),
            last_name=last_of_full_name("person_name", is_lone_first=true),
            email="email",
            phone="phone",
            first_seen_at="sent_at",
            last_seen_at="sent_at"
        ) }}

    from messages

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
