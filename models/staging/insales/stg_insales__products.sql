with

latest as (

    {{ latest_rows("insales", "products", ["variant_id"], deletions=true) }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.variant_id") }} as insales_variant_id,
        {{ parse_id("latest.product_id") }} as insales_product_id,
        {{ parse_text("latest.sku") }} as sku,
        {{ parse_id("latest.barcode") }} as barcode,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.product_name") }} as product_name,
        {{ parse_text("latest.categories") }} as categories,
        {{ parse_text("latest.unit") }} as unit,
        {{ parse_text("latest.brand") }} as brand,
        {{ parse_text("latest.size") }} as size,
        {{ parse_text("latest.colour") }} as colour,
        {{ parse_currency("latest.currency") }} as currency,

        -- numbers
        {{ parse_unsigned_spaced_amount("latest.price") }} as unit_price,
        {{ parse_unsigned_spaced_amount("latest.old_price") }} as old_price,
        {{ parse_unsigned_spaced_amount("latest.cost_price") }} as unit_cost,
        {{ parse_spaced_amount("latest.stock") }} as stock_quantity,
        cast(
            {{ parse_unsigned_spaced_amount("latest.weight") }} * 1000
            as decimal(38, 6)
        ) as weight_grams,

        -- booleans
        {{ parse_is_listed("latest.is_listed") }} as is_listed,

        -- timestamps
        latest._deleted_at as deleted_at

    from latest

)

select * from final
