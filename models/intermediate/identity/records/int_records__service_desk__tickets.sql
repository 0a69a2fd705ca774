with

tickets as (

    select * from {{ ref("stg_service_desk__tickets") }}

),

records as (

    select
        {{ source_record(
            "service_desk", "tickets",
            record_id="ticket_id",
            first_name=first_of_full_name("customer_name"),
            last_name=last_of_full_name("customer_name"),
            email="email",
            phone="phone",
            first_seen_at="opened_at",
            last_seen_at="opened_at"
        ) }}

    from tickets

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
