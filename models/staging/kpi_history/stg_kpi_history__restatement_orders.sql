with

restatement_orders as (

    select * from {{ source("kpi_history", "restatement_orders") }}

),

final as (

    select
        -- ids
        restatement_number,
        order_id,
        source,
        customer_id,
        _file_id,
        _line,

        -- strings
        version,
        what_changed,
        status,
        currency,
        offer,
        country,
        first_channel,

        -- what it adds to kpi_sums
        orders,
        orders_with_revenue,
        orders_without_margin,
        unpaid_orders,
        new_customers,
        new_repeat_customers,
        gross_revenue,
        net_revenue,
        net_revenue_unassigned,
        attributed_revenue,
        known_margin,
        attributed_known_margin,

        -- dates
        ordered_on,
        restated_on

    from restatement_orders

)

select * from final
