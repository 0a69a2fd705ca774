with

restatements as (

    select * from {{ source("kpi_history", "restatements") }}

),

final as (

    select
        -- which figure
        restatement_number,
        metric,
        dimension,
        member,
        period_grain,
        period_start,

        -- what became of it
        cause,
        figure_before,
        figure_after,
        difference,
        difference_share,

        -- dates
        published_for,
        restated_on

    from restatements

)

select * from final
