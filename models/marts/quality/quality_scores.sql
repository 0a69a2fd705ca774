with

files as (

    select * from {{ ref("stg_quality__files") }}

),

flawed_rows as (

    select * from {{ ref("stg_quality__flawed_rows") }}

),

flaws as (

    select
        source,
        export,
        file_id,
        count(*) as flawed_rows,
        sum(case when has_missing_cell then 1 else 0 end) as rows_with_missing_cell

    from flawed_rows

    group by
        source,
        export,
        file_id

),

deliveries as (

    select
        files.source,
        files.export,
        files.delivered_on,
        sum(files.delivered_rows) as delivered_rows,
        sum(files.accepted_rows) as accepted_rows,
        sum(files.quarantined_rows) as quarantined_rows,
        sum(files.duplicate_rows) as duplicate_rows,
        sum(coalesce(flaws.flawed_rows, 0)) as flawed_rows,
        sum(coalesce(flaws.rows_with_missing_cell, 0)) as rows_with_missing_cell

    from files
    left join flaws
        on flaws.source = files.source
        and flaws.export = files.export
        and flaws.file_id = files.file_id

    group by
        files.source,
        files.export,
        files.delivered_on

),

final as (

    select
        source,
        export,
        delivered_on,
        cast(delivered_rows as bigint) as delivered_rows,
        cast(accepted_rows as bigint) as accepted_rows,
        cast(quarantined_rows as bigint) as quarantined_rows,
        cast(duplicate_rows as bigint) as duplicate_rows,
        cast(flawed_rows as bigint) as flawed_rows,
        cast(rows_with_missing_cell as bigint) as rows_with_missing_cell,
        cast(
            round(
                100 * {{ ratio("delivered_rows - duplicate_rows - flawed_rows", "delivered_rows") }},
                2
            ) as decimal(5, 2)
        ) as quality_score

    from deliveries

)

select * from final
