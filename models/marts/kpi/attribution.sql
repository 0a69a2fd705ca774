with

credits as (

    select * from {{ ref("int_attribution") }}

),

final as (

    select
        -- ids
        order_id,
        touchpoint_id,
        coalesce(customer_id, 'unassigned') as customer_id,
        source,
        campaign_id,

        -- strings
        attribution_model,
        channel,

        -- numbers
        touch_number,
        credit,
        attributed_revenue,
        attributed_margin,

        -- booleans
        is_first_order,

        -- dates and timestamps
        ordered_on,
        touched_at

    from credits

)

select * from final
