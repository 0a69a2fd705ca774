with

fits as (

    select * from {{ ref("stg_forecast__fits") }}

),

final as (

    select * from fits

)

select * from final
