with

shop_rows as (

    select * from {{ ref("stg_shopify__orders") }}

),

invoice_lines as (

    select * from {{ ref("stg_online_retail__invoice_lines") }}

),

shop_order_ids as (

    select
        order_name,
        min(shopify_order_id) as shopify_order_id

    from shop_rows

    group by order_name

),

shop_lines as (

    select
        concat('shopify:', shop_order_ids.shopify_order_id) as order_id,
        'shopify' as source,
        shop_rows.sku,
        shop_rows.product_name,
        shop_rows.quantity,
        shop_rows.unit_price,
        shop_rows._file_id,
        shop_rows._line

    from shop_rows
    inner join shop_order_ids
        on shop_order_ids.order_name = shop_rows.order_name

),

invoiced_lines as (

    select
        concat('online_retail:', invoice_id) as order_id,
        'online_retail' as source,
        sku,
        product_name,
        quantity,
        unit_price,
        _file_id,
        _line

    from invoice_lines

),

lines as (

    select * from shop_lines
    union all
    select * from invoiced_lines

),

final as (

    select
        {{ place() }} as order_line_id,
        order_id,
        source,
        sku,
        product_name,
        quantity,
        unit_price,
        cast(quantity * unit_price as decimal(38, 6)) as gross_amount,
        _file_id,
        _line

    from lines

)

select * from final
