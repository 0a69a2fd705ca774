with

responses as (

    select * from {{ ref("int_nps_responses") }}

),

final as (

    select
        -- ids
        response_id,
        coalesce(customer_id, 'unassigned') as customer_id,
        _file_id,
        _line,

        -- strings
        touchpoint,
        nps_group,

        -- numbers
        score,

        -- dates and timestamps
        responded_on,
        responded_at

    from responses

)

select * from final
