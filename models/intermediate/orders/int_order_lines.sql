with

shopify_rows as (

    select * from {{ ref("stg_shopify__orders") }}

),

woocommerce_rows as (

    select * from {{ ref("stg_woocommerce__orders") }}

),

insales_rows as (

    select * from {{ ref("stg_insales__orders") }}

),

bitrix_shop_lines as (

    select * from {{ ref("int_bitrix_shop_lines") }}

),

receipt_lines as (

    select * from {{ ref("int_receipt_lines") }}

    -- what came back of a known receipt is a refund of that one
    where refunded_receipt_id is null

),

invoice_lines as (

    select * from {{ ref("stg_online_retail__invoice_lines") }}

),

shopify_order_ids as (

    -- not from the import above: DuckDB computes all columns of a view that uses it twice
    select
        order_name,
        min(shopify_order_id) as shopify_order_id

    from {{ ref("stg_shopify__orders") }}

    group by order_name

),

lines as (

    select
        {{ place("shopify_rows") }} as order_line_id,
        concat('shopify:', shopify_order_ids.shopify_order_id) as order_id,
        'shopify' as source,
        shopify_rows.sku,
        shopify_rows.product_name,
        cast(shopify_rows.quantity as decimal(18, 3)) as quantity,
        shopify_rows.unit_price,
        cast(shopify_rows.quantity * shopify_rows.unit_price as decimal(38, 6))
            as gross_amount,
        shopify_rows._file_id,
        shopify_rows._line

    from shopify_rows
    inner join shopify_order_ids
        on shopify_order_ids.order_name = shopify_rows.order_name

    union all

    select
        {{ place() }} as order_line_id,
        concat('woocommerce:', woocommerce_order_id) as order_id,
        'woocommerce' as source,
        sku,
        product_name,
        cast(quantity as decimal(18, 3)) as quantity,
        {{ unit_price("gross_amount", "quantity") }} as unit_price,
        gross_amount,
        _file_id,
        _line

    from woocommerce_rows

    union all

    select
        {{ place() }} as order_line_id,
        concat('insales:', order_number) as order_id,
        'insales' as source,
        sku,
        product_name,
        cast(quantity as decimal(18, 3)) as quantity,
        unit_price,
        cast(quantity * unit_price as decimal(38, 6)) as gross_amount,
        _file_id,
        _line

    from insales_rows

    union all

    select
        concat(
            {{ place() }}, ':', cast(position_number as {{ dbt.type_string() }})
        ) as order_line_id,
        concat('bitrix_shop:', order_number) as order_id,
        'bitrix_shop' as source,
        cast(null as {{ dbt.type_string() }}) as sku,
        product_name,
        cast(quantity as decimal(18, 3)) as quantity,
        unit_price,
        gross_amount,
        _file_id,
        _line

    from bitrix_shop_lines

    union all

    select
        {{ place() }} as order_line_id,
        concat('pos:', receipt_id) as order_id,
        'pos' as source,
        sku,
        product_name,
        cast(case when is_return then -quantity else quantity end as decimal(18, 3))
            as quantity,
        unit_price,
        case when is_return then -gross_amount else gross_amount end as gross_amount,
        _file_id,
        _line

    from receipt_lines

    union all

    select
        {{ place() }} as order_line_id,
        concat('online_retail:', invoice_id) as order_id,
        'online_retail' as source,
        sku,
        product_name,
        cast(quantity as decimal(18, 3)) as quantity,
        unit_price,
        cast(quantity * unit_price as decimal(38, 6)) as gross_amount,
        _file_id,
        _line

    from invoice_lines

),

final as (

    select
        order_line_id,
        order_id,
        source,
        sku,
        product_name,
        quantity,
        unit_price,
        gross_amount,
        _file_id,
        _line

    from lines

)

select * from final
