with

customer_forecasts as (

    select * from {{ source("forecast", "customer_forecasts") }}

    where as_of = {{ as_of_date() }}

),

final as (

    select
        -- ids
        customer_id,

        -- strings
        fit,

        -- numbers
        alive_probability,
        expected_orders_3m,
        expected_orders_6m,
        expected_orders_12m,
        clv_expected_3m,
        clv_expected_6m,
        clv_expected_12m

    from customer_forecasts

)

select * from final
