with

ledger as (

    select * from {{ ref("stg_loyalty__ledger") }}

    where {{ until_as_of("happened_at") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

    where
        source = 'loyalty'
        and export = 'ledger'

),

final as (

    select
        -- ids
        ledger.operation_id,
        coalesce(customer_ids.customer_id, 'unassigned') as customer_id,
        {{ sha256_hex("ledger.card_number") }} as card_hash,
        ledger.order_name as order_number,
        ledger.receipt_number,
        ledger._file_id,
        ledger._line,

        -- strings
        ledger.operation,
        ledger.tier,

        -- numbers
        cast(ledger.points_change as decimal(18, 2)) as points_change,
        cast(ledger.balance_points as decimal(18, 2)) as balance_points,

        -- dates and timestamps
        {{ business_day("ledger.happened_at") }} as happened_on,
        ledger.happened_at

    from ledger
    left join customer_ids
        on customer_ids.record_id = {{ surrogate_key(["ledger.card_number"]) }}

)

select * from final
