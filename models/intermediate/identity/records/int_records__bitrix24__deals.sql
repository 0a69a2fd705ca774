with

deals as (

    select * from {{ ref("stg_bitrix24__deals") }}

),

records as (

    select
        {{ source_record(
            "bitrix24", "deals",
            record_id="deal_id",
            first_name=first_of_full_name("contact_name"),
            last_name=last_of_full_name("contact_name"),
            email="email",
            phone="phone",
            first_seen_at="created_at",
            last_seen_at="coalesce(modified_at, created_at)",
            deleted_at="deleted_at",
            crm_id="'bitrix24:' || contact_id"
        ) }}

    from deals

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
