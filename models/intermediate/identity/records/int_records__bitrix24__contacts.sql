with

contacts as (

    select * from {{ ref("stg_bitrix24__contacts") }}

),

final as (

    select
        {{ source_record(
            "bitrix24", "contacts",
            record_id="contact_id",
            first_name="first_name",
            last_name="last_name",
            email="coalesce(work_email, private_email, mailing_email, other_email)",
            second_email="private_email",
            third_email="mailing_email",
            fourth_email="other_email",
            phone="coalesce(work_phone, mobile_phone, home_phone, mailing_phone, other_phone)",
            second_phone="mobile_phone",
            third_phone="home_phone",
            fourth_phone="mailing_phone",
            fifth_phone="other_phone",
            city="city",
            country="country",
            birth_date="birth_date",
            first_seen_at="created_at",
            last_seen_at="coalesce(modified_at, created_at)",
            deleted_at="deleted_at",
            crm_id="'bitrix24:' || contact_id",
            social_link="social_link"
        ) }}

    from contacts

)

select * from final
