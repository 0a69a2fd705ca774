with

latest as (

    {{ latest_rows(
        "shopify", "products", [
            "handle", "option1_value", "option2_value", "option3_value"
        ],
        deletions=true
    ) }}

),

accepted as (

    {{ accepted_rows("shopify", "products") }}

),

products as (

    -- what only the first row of a product says
    select
        _file_id,
        handle,
        max(title) as title,
        max(vendor) as vendor,
        max(type) as type,
        max(tags) as tags,
        max(published) as published,
        max(status) as status

    from accepted

    group by _file_id, handle

),

final as (

    select
        -- ids
        latest.handle as product_handle,
        {{ parse_id("latest.variant_sku") }} as sku,
        {{ parse_id("latest.variant_barcode") }} as barcode,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("products.title") }} as product_name,
        {{ parse_text("latest.option1_value") }} as option1_value,
        {{ parse_text("latest.option2_value") }} as option2_value,
        {{ parse_text("latest.option3_value") }} as option3_value,
        {{ parse_text("products.vendor") }} as vendor,
        {{ parse_text("products.type") }} as product_type,
        {{ parse_text("products.tags") }} as tags,
        {{ parse_product_status("products.status") }} as status,

        -- numbers
        {{ parse_unsigned_amount("latest.variant_price") }} as unit_price,
        {{ parse_unsigned_amount("latest.variant_compare_at_price") }}
            as compare_at_price,
        {{ parse_unsigned_amount("latest.cost_per_item") }} as unit_cost,
        {{ parse_unsigned_amount("latest.variant_grams") }} as weight_grams,
        {{ parse_integer("latest.variant_inventory_qty") }} as stock_quantity,

        -- booleans
        {{ parse_boolean("products.published") }} as is_published,

        -- timestamps
        latest._deleted_at as deleted_at

    from latest
    inner join products
        on products._file_id = latest._file_id
        and products.handle = latest.handle

    -- further images of a product stand on rows without a variant
    where coalesce(latest.variant_sku, latest.variant_price) is not null

)

select * from final
