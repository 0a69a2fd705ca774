with

members as (

    select * from {{ ref("segment_members") }}

    where segment = 'lapsed'

),

customers as (

    select * from {{ ref("customer_360") }}

),

held_out as (

    select distinct customer_id

    from {{ ref("experiment_assignments") }}

    where held_out_of = 'winback'

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
        case
            when customers.email_reachability <> 'reachable'
                then customers.email_reachability
            when held_out.customer_id is not null then 'holdout'
            else 'send'
        end as decision,
        members.entered_on

    from members
    inner join customers
        on customers.customer_id = members.customer_id
    left join held_out
        on held_out.customer_id = members.customer_id

)

select * from final
