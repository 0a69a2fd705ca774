with

customers as (

    select * from {{ ref("customer_360") }}

),

buyers as (

    select * from {{ ref("int_buyers") }}

),

known as (

    select
        customers.customer_id,
        coalesce(customers.country, 'unknown') as country,
        customers.lifecycle_stage,
        coalesce(buyers.first_source, 'unknown') as first_source,
        coalesce(buyers.first_channel, 'unknown') as first_channel,
        customers.is_reachable_by_email,
        customers.first_order_on,
        {{ month_start("customers.first_order_on") }} as cohort_month

    from customers
    left join buyers
        on buyers.customer_id = customers.customer_id

),

final as (

    select * from known

    union all

    select
        'unassigned' as customer_id,
        'unassigned' as country,
        'unassigned' as lifecycle_stage,
        'unassigned' as first_source,
        'unassigned' as first_channel,
        false as is_reachable_by_email,
        cast(null as date) as first_order_on,
        cast(null as date) as cohort_month

)

select * from final
