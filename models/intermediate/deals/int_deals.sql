with

hubspot_deals as (

    select * from {{ ref("stg_hubspot__deals") }}

),

amocrm_deals as (

    select * from {{ ref("stg_amocrm__deals") }}

),

bitrix24_deals as (

    select * from {{ ref("stg_bitrix24__deals") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

fx_rates as (

    select * from {{ ref("int_fx_rates") }}

),

deals as (

    select
        'hubspot' as source,
        deal_id as source_deal_id,
        -- a deal of several contacts is of the first
        'contacts' as record_export,
        split_part(contact_ids, ';', 1) as record_id,
        pipeline,
        stage,
        deal_status,
        deal_owner,
        lead_source,
        currency,
        amount,
        created_at,
        modified_at,
        {{ business_day("closes_at") }} as closes_on,
        _file_id,
        _line

    from hubspot_deals

    union all

    select
        'amocrm' as source,
        deal_id as source_deal_id,
        'deals' as record_export,
        deal_id as record_id,
        pipeline,
        stage,
        deal_status,
        deal_owner,
        lead_source,
        currency,
        amount,
        created_at,
        modified_at,
        {{ business_day("closed_at") }} as closes_on,
        _file_id,
        _line

    from amocrm_deals

    union all

    select
        'bitrix24' as source,
        deal_id as source_deal_id,
        'deals' as record_export,
        deal_id as record_id,
        pipeline,
        stage,
        deal_status,
        deal_owner,
        lead_source,
        currency,
        amount,
        created_at,
        modified_at,
        closes_on,
        _file_id,
        _line

    from bitrix24_deals

),

dated as (

    select
        deals.*,
        {{ business_day("coalesce(created_at, modified_at)") }} as created_on

    from deals

),

final as (

    select
        -- ids
        concat(dated.source, ':', dated.source_deal_id) as deal_id,
        dated.source,
        dated.source_deal_id,
        customer_ids.customer_id,
        dated._file_id,
        dated._line,

        -- strings
        dated.pipeline,
        dated.stage,
        dated.deal_status,
        dated.deal_owner,
        dated.lead_source,
        dated.currency,

        -- numbers
        dated.amount,
        {{ converted("dated.amount", "fx_rates.fx_rate") }} as amount_base,

        -- dates and timestamps
        dated.created_on,
        case when dated.deal_status <> 'open' then dated.closes_on end as closed_on,
        dated.created_at,
        dated.modified_at

    from dated
    left join customer_ids
        on customer_ids.source = dated.source
        and customer_ids.export = dated.record_export
        and customer_ids.record_id = dated.record_id
    left join fx_rates
        on fx_rates.currency = dated.currency
        and fx_rates.valid_from <= dated.created_on
        and fx_rates.valid_until > dated.created_on

    where dated.created_on <= {{ as_of_date() }}

)

select * from final
