with

orders as (

    select * from {{ ref("stg_bitrix_shop__orders") }}

),

positions as (

    select
        order_number,
        _file_id,
        _line,
        {{ every_numbered_match(
            with_braces("packed_positions"), packed_position_pattern(),
            "position_text", "position_number"
        ) }}

    from orders

),

prices as (

    select
        order_number,
        {{ every_numbered_match(
            "packed_prices", packed_price_pattern(), "price_text", "position_number"
        ) }}

    from orders

),

counted_prices as (

    select
        prices.*,
        count(*) over (partition by order_number) as price_count

    from prices

),

final as (

    select
        -- ids
        positions.order_number,
        positions.position_number,
        {{ with_pattern_replaced("positions.position_text", "[{]|[}].*$", "") }}
            as bitrix_product_id,
        positions._file_id,
        positions._line,

        -- strings
        {{ parse_text(with_pattern_replaced(
            "positions.position_text", "^[{][0-9]+[}]|[(][0-9]+ шт[.]?[)]$", ""
        )) }} as product_name,
        'RUB' as currency,

        -- numbers
        {{ parse_integer(with_pattern_replaced(
            "positions.position_text", "^.*[(]| шт[.]?[)]$", ""
        )) }} as quantity,
        -- of fewer prices than positions nobody knows which is missing
        case
            when
                counted_prices.price_count
                = count(*) over (partition by positions.order_number)
                then {{ parse_unsigned_spaced_amount("counted_prices.price_text") }}
        end as unit_price

    from positions
    left join counted_prices
        on counted_prices.order_number = positions.order_number
        and counted_prices.position_number = positions.position_number

)

select * from final
