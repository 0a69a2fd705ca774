-- A paid order without a rate would be missing from every total without a trace: the
-- gate quarantines it, so that none can arrive here. A rate never comes from a later day.
with

orders as (

    select * from {{ ref("orders") }}

    where is_paid

),

final as (

    select
        order_id,
        currency,
        fx_rate,
        fx_rate_on,
        ordered_on

    from orders

    where
        fx_rate is null
        or net_amount_base is null
        or fx_rate_on > ordered_on

)

select * from final
