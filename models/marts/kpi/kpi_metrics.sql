with

metrics as (

    select * from {{ ref("metric_formulas") }}

),

final as (

    select
        metric,
        unit,
        formula,
        numerator,
        denominator,
        rows_behind

    from metrics

)

select * from final
