with

latest as (

    {{ latest_rows("loyalty", "ledger", ["operation_id"]) }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.operation_id") }} as operation_id,
        {{ parse_id("latest.card_number") }} as card_number,
        {{ parse_id("latest.order_number") }} as order_name,
        {{ parse_id("latest.receipt_number") }} as receipt_number,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_points_operation("latest.operation") }} as operation,
        {{ parse_text("latest.tier") }} as tier,

        -- numbers
        case {{ parse_points_operation("latest.operation") }}
            when 'earn' then abs({{ parse_spaced_amount("latest.points") }})
            when 'spend' then -abs({{ parse_spaced_amount("latest.points") }})
            when 'expire' then -abs({{ parse_spaced_amount("latest.points") }})
            else {{ parse_spaced_amount("latest.points") }}
        end as points_change,
        {{ parse_spaced_amount("latest.balance_after") }} as balance_points,

        -- timestamps
        {{ parse_day_first_local_timestamp("latest.happened_at") }} as happened_at

    from latest

)

select * from final
