with

campaign_costs as (

    select * from {{ ref("int_campaign_costs") }}

),

final as (

    select
        -- ids
        campaign_cost_id,
        source,
        coalesce(campaign_id, 'none') as campaign_id,
        _file_id,
        _line,

        -- strings
        channel,
        currency,

        -- numbers
        {{ money("cost_amount") }} as cost_amount,
        {{ money("cost_amount_base") }} as cost_amount_base,
        fx_rate,
        impression_count,
        click_count,

        -- dates
        cost_on

    from campaign_costs

)

select * from final
