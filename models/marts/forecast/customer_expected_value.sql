with

customer_forecasts as (

    select * from {{ ref("stg_forecast__customer_forecasts") }}

),

fits as (

    select * from {{ ref("stg_forecast__fits") }}

),

final as (

    select
        -- ids
        customer_forecasts.customer_id,

        -- strings
        customer_forecasts.fit,
        fits.orders_reason,
        fits.value_reason,

        -- numbers
        customer_forecasts.alive_probability,
        customer_forecasts.expected_orders_3m,
        customer_forecasts.expected_orders_6m,
        customer_forecasts.expected_orders_12m,
        {{ money("customer_forecasts.clv_expected_3m") }} as clv_expected_3m,
        {{ money("customer_forecasts.clv_expected_6m") }} as clv_expected_6m,
        {{ money("customer_forecasts.clv_expected_12m") }} as clv_expected_12m

    from customer_forecasts
    left join fits
        on fits.fit = customer_forecasts.fit

)

select * from final
