with

arms as (

    select * from {{ source("experiments", "arms") }}

),

final as (

    select
        -- ids
        experiment,
        arm,

        -- strings
        segment,
        channel,
        audience,
        stratify_by,
        salt,
        allocation,

        -- numbers
        share_from,
        share_to,

        -- booleans
        is_control,

        -- dates and timestamps
        starts_on,
        ends_on

    from arms

)

select * from final
