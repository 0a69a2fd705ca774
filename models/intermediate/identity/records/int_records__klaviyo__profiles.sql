with

profiles as (

    select * from {{ ref("stg_klaviyo__profiles") }}

),

records as (

    select
        {{ source_record(
            "klaviyo", "profiles",
            record_id="profile_id",
            first_name="first_name",
            last_name="last_name",
            email="email",
            phone="phone",
            city="city",
            country="country",
            first_seen_at="created_at",
            last_seen_at="coalesce(last_active_at, created_at)",
            deleted_at="deleted_at"
        ) }}

    from profiles

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
