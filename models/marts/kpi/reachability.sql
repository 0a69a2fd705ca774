with

customer_channels as (

    select * from {{ ref("int_customer_channels") }}

),

reachable_by as (

    select
        customer_id,
        count(case when is_reachable then 1 end) as channel_count

    from customer_channels

    group by customer_id

),

final as (

    select
        customer_channels.channel,
        count(*) as customers,
        count(customer_channels.contact_point) as customers_with_contact,
        count(case when customer_channels.is_reachable then 1 end) as reachable,
        count(
            case
                when customer_channels.is_reachable and reachable_by.channel_count = 1
                    then 1
            end
        ) as only_reachable_by

    from customer_channels
    inner join reachable_by
        on reachable_by.customer_id = customer_channels.customer_id

    group by customer_channels.channel

)

select * from final
