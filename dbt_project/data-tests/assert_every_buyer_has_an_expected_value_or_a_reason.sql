-- Who ordered is forecast, or it is said why not.
{{ config(meta={"dagster": {"ref": {"name": "customer_expected_value"}}}) }}

with

buyers as (

    select * from {{ ref("rfm") }}

),

expected as (

    select * from {{ ref("customer_expected_value") }}

),

final as (

    select buyers.customer_id

    from buyers
    left join expected
        on expected.customer_id = buyers.customer_id

    where
        expected.customer_id is null
        or (expected.alive_probability is null and expected.orders_reason is null)

)

select * from final
