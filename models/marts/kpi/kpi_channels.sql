with

credits as (

    select * from {{ ref("int_daily_credits") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

),

{{ marketing_figures(["channel"]) }}

select * from final
