with

campaign_costs as (

    select * from {{ ref("stg_ads__campaign_costs") }}

),

fx_rates as (

    select * from {{ ref("int_fx_rates") }}

),

final as (

    select
        -- ids
        concat(campaign_costs._file_id, ':', cast(campaign_costs._line as {{ dbt.type_string() }}))
            as campaign_cost_id,
        campaign_costs.campaign_id,
        campaign_costs._file_id,
        campaign_costs._line,

        -- strings
        campaign_costs.channel,
        campaign_costs.currency,

        -- numbers
        {{ money("campaign_costs.cost_amount") }} as cost_amount,
        {{ money("campaign_costs.cost_amount * fx_rates.fx_rate") }}
            as cost_amount_base,
        fx_rates.fx_rate,
        campaign_costs.impression_count,
        campaign_costs.click_count,

        -- dates
        campaign_costs.cost_on

    from campaign_costs
    left join fx_rates
        on fx_rates.currency = campaign_costs.currency
        and fx_rates.valid_from <= campaign_costs.cost_on
        and fx_rates.valid_until > campaign_costs.cost_on

    where campaign_costs.cost_on <= {{ as_of_date() }}

)

select * from final
