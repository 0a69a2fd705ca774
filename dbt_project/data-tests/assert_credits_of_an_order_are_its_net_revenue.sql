-- Every paid order is credited once by every model, and its credits sum to its net
-- revenue, to the last kopeck; orders of nobody among them.
{{ config(meta={"dagster": {"ref": {"name": "attribution"}}}) }}

with

orders as (

    select * from {{ ref("orders") }}

    where is_paid

),

credits as (

    select
        attribution_model,
        order_id,
        sum(credit) as credit,
        sum(attributed_revenue) as attributed_revenue

    from {{ ref("attribution") }}

    group by
        attribution_model,
        order_id

),

models as (

    select attribution_model from credits group by attribution_model

),

expected as (

    select
        models.attribution_model,
        orders.order_id,
        orders.net_amount_base

    from orders
    cross join models

),

final as (

    select
        coalesce(expected.order_id, credits.order_id) as order_id,
        coalesce(expected.attribution_model, credits.attribution_model)
            as attribution_model

    from expected
    full outer join credits
        on credits.attribution_model = expected.attribution_model
        and credits.order_id = expected.order_id

    where not coalesce(
        credits.credit = 1
        and credits.attributed_revenue = expected.net_amount_base,
        false
    )

)

select * from final
