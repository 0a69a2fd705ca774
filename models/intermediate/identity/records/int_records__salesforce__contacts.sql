with

contacts as (

    select * from {{ ref("stg_salesforce__contacts") }}

),

final as (

    select
        {{ source_record(
            "salesforce", "contacts",
            record_id="contact_id",
            first_name="first_name",
            last_name="last_name",
            email="email",
            phone="coalesce(mobile_phone, phone, home_phone, other_phone)",
            second_phone="phone",
            third_phone="home_phone",
            fourth_phone="other_phone",
            city="city",
            country="country",
            birth_date="birth_date",
            first_seen_at="created_at",
            last_seen_at="coalesce(modified_at, created_at)",
            deleted_at=(
                "coalesce(deleted_at,"
                " case when is_in_recycle_bin then coalesce(modified_at, created_at) end)"
            ),
            crm_id="'salesforce:' || contact_id",
            merged_crm_id="'salesforce:' || merged_into_id"
        ) }}

    from contacts

)

select * from final
