with

metrics as (

    select * from {{ source("kpi_history", "metrics") }}

),

final as (

    select
        -- strings
        metric,
        definition,

        -- dates
        published_for

    from metrics

)

select * from final
