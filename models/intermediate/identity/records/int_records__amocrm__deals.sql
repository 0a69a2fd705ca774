with

deals as (

    select * from {{ ref("stg_amocrm__deals") }}

),

records as (

    select
        {{ source_record(
            "amocrm", "deals",
            record_id="deal_id",
            first_name=first_of_full_name("contact_name", is_lone_first=true),
            last_name=last_of_full_name("contact_name", is_lone_first=true),
            email="coalesce(personal_email, work_email, other_email)",
            second_email="work_email",
            third_email="other_email",
            phone="coalesce(mobile_phone, work_phone, direct_phone, home_phone, other_phone)",
            second_phone="work_phone",
            third_phone="direct_phone",
            fourth_phone="home_phone",
            fifth_phone="other_phone",
            city="city",
            first_seen_at="created_at",
            last_seen_at="coalesce(modified_at, created_at)",
            deleted_at="deleted_at",
            client_id="'ga4:' || analytics_client_id",
            second_client_id="'metrica:' || metrica_client_id"
        ) }}

    from deals

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
