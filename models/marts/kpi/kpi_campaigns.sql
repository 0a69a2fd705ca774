with

credits as (

    select * from {{ ref("int_daily_credits") }}

    where campaign_id <> 'none'

),

costs as (

    select * from {{ ref("int_campaign_costs") }}

    where campaign_id is not null

),

{{ marketing_figures(["channel", "campaign_id"]) }}

select * from final
