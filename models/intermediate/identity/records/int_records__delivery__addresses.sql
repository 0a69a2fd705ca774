with

addresses as (

    select * from {{ ref("stg_delivery__addresses") }}

),

records as (

    select
        {{ source_record(
            "delivery", "addresses",
            record_id="request_id",
            first_name=first_of_full_name("recipient_name"),
            last_name=last_of_full_name("recipient_name"),
            phone="phone",
            city="city",
            country="country",
            first_seen_at="requested_at",
            last_seen_at="requested_at"
        ) }}

    from addresses

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
