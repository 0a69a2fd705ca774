-- The shop says whether an order was paid, the log of payments whether an attempt went
-- through. Where both know an order and disagree, one of them is wrong. It warns, since
-- the attempt that went through may wait in quarantine.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "int_orders"}}}) }}

with

orders as (

    -- a payment does not say in which shop: of a number that two have, nobody knows
    select
        order_number,
        min(order_id) as order_id,
        max(case when is_paid then 1 else 0 end) = 1 as is_paid

    from {{ ref("int_orders") }}

    group by order_number

    having count(*) = 1

),

attempts as (

    select * from {{ ref("stg_payments__attempts") }}

),

payments as (

    -- an order of which one end is not told may have been paid in that attempt
    select
        order_name,
        max(case when status = 'succeeded' then 1 else 0 end) = 1 as is_paid

    from attempts

    group by order_name

    having max(case when is_status_imputed then 1 else 0 end) = 0

),

final as (

    select
        orders.order_id,
        orders.is_paid as is_paid_by_the_shop,
        payments.is_paid as is_paid_by_the_log

    from orders
    inner join payments
        on payments.order_name = orders.order_number

    where orders.is_paid <> payments.is_paid

)

select * from final
