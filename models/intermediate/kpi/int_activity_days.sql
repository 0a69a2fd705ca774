with

orders as (

    select * from {{ ref("int_customer_orders") }}

    where customer_id is not null

),

touchpoints as (

    select * from {{ ref("int_touchpoints") }}

),

receipts as (

    select * from {{ ref("stg_pos__receipts") }}

    where loyalty_card is not null

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

    where
        source = 'pos'
        and export = 'receipts'

),

acts as (

    select
        customer_id,
        ordered_on as active_on

    from orders

    union all

    select
        customer_id,
        {{ business_day("happened_at") }} as active_on

    from touchpoints

    union all

    select
        customer_ids.customer_id,
        {{ business_day("receipts.sold_at") }} as active_on

    from receipts
    inner join customer_ids
        on customer_ids.record_id = {{ surrogate_key(["receipts.loyalty_card"]) }}

    where {{ until_as_of("receipts.sold_at") }}

),

days as (

    select
        customer_id,
        active_on

    from acts

    group by
        customer_id,
        active_on

),

final as (

    select
        customer_id,
        active_on,
        lag(active_on) over (
            partition by customer_id
            order by active_on asc
        ) as previous_active_on,

        lead(active_on) over (
            partition by customer_id
            order by active_on asc
        ) as next_active_on

    from days

)

select * from final
