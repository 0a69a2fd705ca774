with

credits as (

    select * from {{ ref("attribution") }}

    where campaign_id is not null

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

    where campaign_id is not null

),

{{ marketing_figures(["channel", "campaign_id"]) }}

select * from final
