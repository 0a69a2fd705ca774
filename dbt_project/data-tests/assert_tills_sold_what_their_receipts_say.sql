-- Whichever receipt a refund was put down to: what tills took less what they gave back is
-- what orders of them are worth.
{{ config(meta={"dagster": {"ref": {"name": "int_orders"}}}) }}

with

orders as (

    select * from {{ ref("int_orders") }}

    where source = 'pos'

),

receipt_lines as (

    select * from {{ ref("stg_pos__receipts") }}

    where {{ until_as_of("sold_at") }}

),

sold as (

    select sum(net_amount) as net_amount

    from orders

),

taken as (

    select
        sum(case when is_return then -discounted_amount else discounted_amount end)
            as net_amount

    from receipt_lines

),

final as (

    select
        sold.net_amount as sold_amount,
        taken.net_amount as taken_amount

    from sold
    cross join taken

    where coalesce(sold.net_amount, 0) <> coalesce(taken.net_amount, 0)

)

select * from final
