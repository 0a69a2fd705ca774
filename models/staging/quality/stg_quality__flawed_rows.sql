with

findings as (

    select * from {{ source("quality", "quarantine") }}

    where status = 'open'

),

final as (

    select
        source,
        export,
        file_id,
        line as _line,
        max(case when severity = 'critical' then 1 else 0 end) = 1 as is_held,
        max(case when rule = 'missing' then 1 else 0 end) = 1 as has_missing_cell,
        count(*) as finding_count

    from findings

    group by
        source,
        export,
        file_id,
        line

)

select * from final
