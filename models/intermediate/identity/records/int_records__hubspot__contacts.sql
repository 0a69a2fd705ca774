with

contacts as (

    select * from {{ ref("stg_hubspot__contacts") }}

),

final as (

    select
        {{ source_record(
            "hubspot", "contacts",
            record_id="contact_id",
            first_name="first_name",
            last_name="last_name",
            email="email",
            phone="phone",
            second_phone="mobile_phone",
            city="city",
            country="country",
            birth_date="birth_date",
            first_seen_at="created_at",
            last_seen_at="coalesce(modified_at, created_at)",
            deleted_at="deleted_at",
            crm_id="'hubspot:' || contact_id"
        ) }}

    from contacts

)

select * from final
