with

members as (

    select * from {{ ref("segment_members") }}

    where segment = 'lapsed'

),

customers as (

    select * from {{ ref("customer_360") }}

),

final as (

    select
        -- ids
        members.customer_id,

        -- what is sent
        customers.email,
        customers.first_name,
        customers.last_name,
        customers.last_order_on,
        customers.revenue_to_date,

        -- and whether
        case customers.email_reachability
            when 'reachable' then 'send'
            else customers.email_reachability
        end as decision,
        members.entered_on

    from members
    inner join customers
        on customers.customer_id = members.customer_id

)

select * from final
