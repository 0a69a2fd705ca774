with

orders as (

    select * from {{ ref("stg_bitrix_shop__orders") }}

),

positions as (

    select * from {{ ref("stg_bitrix_shop__order_positions") }}

),

read_orders as (

    select order_number

    from positions

    group by order_number

    having count(*) = count(quantity * unit_price)

),

lines as (

    select
        positions.order_number,
        positions.position_number,
        positions.product_name,
        positions.quantity,
        positions.unit_price,
        positions._file_id,
        positions._line

    from positions
    inner join read_orders
        on read_orders.order_number = positions.order_number

    union all

    select
        orders.order_number,
        1 as position_number,
        cast(null as {{ dbt.type_string() }}) as product_name,
        1 as quantity,
        orders.order_total_amount as unit_price,
        orders._file_id,
        orders._line

    from orders
    left join read_orders
        on read_orders.order_number = orders.order_number

    where read_orders.order_number is null

),

final as (

    select
        order_number,
        position_number,
        product_name,
        quantity,
        unit_price,
        cast(quantity * unit_price as decimal(38, 6)) as gross_amount,
        _file_id,
        _line

    from lines

)

select * from final
