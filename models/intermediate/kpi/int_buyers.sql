with

orders as (

    select * from {{ ref("int_customer_orders") }}

    where paid_order_number is not null

),

credits as (

    select * from {{ ref("int_attribution") }}

    where
        is_first_order
        and last_touch_credit > 0

),

attributes as (

    select * from {{ ref("int_customer_attributes") }}

),

buyers as (

    select
        customer_id,
        min(ordered_on) as first_order_on,
        max(ordered_on) as last_order_on

    from orders

    group by customer_id

),

final as (

    select
        buyers.customer_id,
        attributes.country,
        credits.source as first_source,
        credits.channel as first_channel,
        buyers.first_order_on,
        buyers.last_order_on

    from buyers
    inner join credits
        on credits.customer_id = buyers.customer_id
    left join attributes
        on attributes.customer_id = buyers.customer_id

)

select * from final
