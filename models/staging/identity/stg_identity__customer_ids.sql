with

customer_ids as (

    select * from {{ source("identity", "customer_ids") }}

),

final as (

    select
        source,
        export,
        record_id,
        customer_id

    from customer_ids

)

select * from final
