with

credits as (

    select * from {{ ref("attribution") }}

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

),

{{ marketing_figures(["channel"]) }}

select * from final
