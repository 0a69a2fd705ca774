with

customer_channels as (

    select * from {{ ref("int_customer_channels") }}

),

final as (

    select
        customer_id,
        channel,
        contact_point,
        reachability,
        contact_point_count,
        is_reachable

    from customer_channels

)

select * from final
