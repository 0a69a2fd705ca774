with

contacts as (

    select * from {{ ref("stg_unisender__contacts") }}

),

records as (

    select
        {{ source_record(
            "unisender", "contacts",
            record_id="contact_id",
            first_name=first_of_full_name("full_name", is_lone_first=true),
            last_name=last_of_full_name("full_name", is_lone_first=true),
            email="email",
            phone="phone",
            first_seen_at="coalesce(email_added_at, phone_added_at)",
            last_seen_at="coalesce(last_opened_at, email_added_at, phone_added_at)",
            deleted_at="deleted_at"
        ) }}

    from contacts

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
