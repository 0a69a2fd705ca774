with

latest as (

    {{ latest_rows("bitrix_shop", "orders", ["order_number"]) }}

),

final as (

    select
        -- ids
        {{ parse_text("replace(latest.order_number, '№', '')") }} as order_number,
        latest._file_id,
        latest._line,

        -- strings
        lower({{ parse_text("latest.status") }}) as status,
        {{ parse_packed_positions("latest.positions") }} as packed_positions,
        {{ parse_packed_prices("latest.prices") }} as packed_prices,
        'RUB' as currency,

        -- numbers
        {{ parse_unsigned_spaced_amount("latest.total") }} as order_total_amount,

        -- booleans
        {{ parse_boolean("latest.is_paid") }} as is_paid,
        {{ parse_boolean("latest.is_cancelled") }} as is_cancelled,

        -- timestamps
        {{ parse_day_first_local_timestamp("latest.created_at") }} as ordered_at

    from latest

)

select * from final
