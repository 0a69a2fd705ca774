with

latest as (

    {{ latest_rows("woocommerce", "products", ["id"], deletions=true) }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.id") }} as woocommerce_product_id,
        {{ parse_text("latest.sku") }} as sku,
        case
            when latest.parent not like 'id:%' then {{ parse_text("latest.parent") }}
        end as parent_sku,
        case
            when latest.parent like 'id:%' then replace(latest.parent, 'id:', '')
        end as parent_product_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.name") }} as product_name,
        {{ parse_woocommerce_type("latest.type") }} as product_type,
        {{ parse_text("latest.categories") }} as categories,
        {{ parse_text("latest.tags") }} as tags,

        -- numbers
        {{ parse_unsigned_spaced_amount("latest.regular_price") }} as regular_price,
        {{ parse_unsigned_spaced_amount("latest.sale_price") }} as sale_price,
        {{ parse_spaced_amount("latest.stock") }} as stock_quantity,
        cast(
            {{ parse_unsigned_spaced_amount("latest.weight") }}
            * case {{ parse_weight_unit("latest.weight_unit") }}
                when 'g' then 1
                when 'kg' then 1000
                when 'lbs' then 453.59237
                when 'oz' then 28.349523125
            end
            as decimal(38, 6)
        ) as weight_grams,

        -- booleans
        {{ parse_integer("latest.published") }} = 1 as is_published,
        lower(latest.type) like '%, virtual%' as is_virtual,
        lower(latest.type) like '%, downloadable%' as is_downloadable,

        -- timestamps
        latest._deleted_at as deleted_at

    from latest

)

select * from final
