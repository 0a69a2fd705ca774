with

calls as (

    select * from {{ ref("stg_call_centre__calls") }}

),

records as (

    select
        {{ source_record(
            "call_centre", "calls",
            record_id="call_id",
            phone="phone",
            first_seen_at="started_at",
            last_seen_at="started_at"
        ) }}

    from calls

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
