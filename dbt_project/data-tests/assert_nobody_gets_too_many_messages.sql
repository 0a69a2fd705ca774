-- Channels, and all of them together, by which more than max_share_over_cap of customers
-- got more than contact_cap_per_week messages in the week of the as-of date.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "contact_pressure"}}}) }}

with

contact_pressure as (

    select * from {{ ref("contact_pressure") }}

),

final as (

    select
        channel,
        week_start,
        customers,
        customers_over_cap

    from contact_pressure

    where
        week_start = {{ period_start(as_of_date(), "week") }}
        and share_over_cap > {{ var("max_share_over_cap") }}

)

select * from final
