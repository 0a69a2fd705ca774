with

orders as (

    select * from {{ source("kpi_history", "orders") }}

),

final as (

    select
        -- ids
        order_id,
        source,
        customer_id,
        _file_id,
        _line,

        -- strings
        status,
        currency,
        offer,
        country,
        first_channel,

        -- numbers
        customer_order_number,
        gross_amount_base,
        net_amount_base,
        margin_amount_base,

        -- booleans
        is_paid,
        is_attributed,

        -- dates
        ordered_on

    from orders

)

select * from final
