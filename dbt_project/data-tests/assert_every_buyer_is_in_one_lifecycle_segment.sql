-- new, active, lapsing and lapsed part the buyers: each customer with a paid order is in
-- exactly one of them, and nobody else is in any.
{{ config(meta={"dagster": {"ref": {"name": "segment_members"}}}) }}

with

orders as (

    select * from {{ ref("orders") }}

    where
        is_paid
        and customer_id <> 'unassigned'

),

segment_members as (

    select * from {{ ref("segment_members") }}

    where segment in ('new', 'active', 'lapsing', 'lapsed')

),

buyers as (

    select customer_id

    from orders

    group by customer_id

),

memberships as (

    select
        customer_id,
        count(*) as segment_count

    from segment_members

    group by customer_id

),

final as (

    select
        coalesce(buyers.customer_id, memberships.customer_id) as customer_id,
        buyers.customer_id is not null as is_buyer,
        coalesce(memberships.segment_count, 0) as segment_count

    from buyers
    full outer join memberships
        on memberships.customer_id = buyers.customer_id

    where
        buyers.customer_id is null
        or coalesce(memberships.segment_count, 0) <> 1

)

select * from final
