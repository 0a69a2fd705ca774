with

counts as (

    select * from {{ source("quality", "reconciliation") }}

),

ledger as (

    select * from {{ source("ops", "file_ledger") }}

    where outcome in ('landed', 'partly')

),

final as (

    select
        -- ids
        counts.file_id,

        -- strings
        counts.source,
        counts.export,
        ledger.file_name,

        -- numbers
        counts.delivered as delivered_rows,
        counts.accepted as accepted_rows,
        counts.quarantined as quarantined_rows,
        counts.duplicates as duplicate_rows,

        -- dates
        cast(ledger.delivered_at as date) as delivered_on

    from counts
    inner join ledger
        on ledger.file_id = counts.file_id
        and ledger.source = counts.source
        and ledger.export = counts.export

)

select * from final
