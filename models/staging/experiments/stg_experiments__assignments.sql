with

assignments as (

    select * from {{ source("experiments", "assignments") }}

),

final as (

    select
        -- ids
        experiment,
        assigned_customer_id,
        customer_id,
        arm,

        -- strings
        stratum,
        allocation,

        -- dates and timestamps
        assigned_on

    from assignments

)

select * from final
