with

spreadsheet_rows as (

    select * from {{ ref("stg_ads__campaign_costs") }}

),

meta_rows as (

    -- a report ends with a total that names no campaign
    select * from {{ ref("stg_meta_ads__costs") }}

    where campaign_name is not null

),

google_rows as (

    select * from {{ ref("stg_google_ads__costs") }}

    where campaign_name is not null

),

yandex_rows as (

    select * from {{ ref("stg_yandex_direct__costs") }}

    where campaign_name is not null

),

deliveries as (

    select * from {{ ref("stg_messaging__deliveries") }}

    where cost_amount is not null

),

fx_rates as (

    select * from {{ ref("int_fx_rates") }}

),

numbered_deliveries as (

    select
        channel,
        campaign_id,
        currency,
        cost_amount,
        {{ business_day("happened_at") }} as cost_on,
        _file_id,
        _line,

        row_number() over (
            partition by channel, campaign_id, currency, {{ business_day("happened_at") }}
            order by _file_id asc, _line asc
        ) as delivery_number

    from deliveries

),

reports as (

    select
        'meta_ads' as source,
        'social_ads' as channel,
        campaign_name as campaign_id,
        currency,
        cost_amount,
        impression_count,
        click_count,
        -- a row of several days counts on the first
        starts_on as cost_on,
        _file_id,
        _line

    from meta_rows

    union all

    select
        'google_ads' as source,
        'context_ads' as channel,
        campaign_name as campaign_id,
        currency,
        cost_amount,
        impression_count,
        click_count,
        cost_on,
        _file_id,
        _line

    from google_rows

    union all

    select
        'yandex_direct' as source,
        'context_ads' as channel,
        campaign_name as campaign_id,
        currency,
        cost_amount,
        impression_count,
        click_count,
        cost_on,
        _file_id,
        _line

    from yandex_rows

    union all

    select
        'messaging' as source,
        {{ message_channel("channel") }} as channel,
        campaign_id,
        currency,
        {{ sum_amount("cost_amount") }} as cost_amount,
        cast(null as bigint) as impression_count,
        cast(null as bigint) as click_count,
        cost_on,
        min(case when delivery_number = 1 then _file_id end) as _file_id,
        min(case when delivery_number = 1 then _line end) as _line

    from numbered_deliveries

    group by
        channel,
        campaign_id,
        currency,
        cost_on

),

reported_days as (

    select
        campaign_id,
        cost_on

    from reports

    group by
        campaign_id,
        cost_on

),

costs as (

    select * from reports

    union all

    -- what a platform reports itself, a spreadsheet says a second time
    select
        'ads' as source,
        spreadsheet_rows.channel,
        spreadsheet_rows.campaign_id,
        spreadsheet_rows.currency,
        spreadsheet_rows.cost_amount,
        spreadsheet_rows.impression_count,
        spreadsheet_rows.click_count,
        spreadsheet_rows.cost_on,
        spreadsheet_rows._file_id,
        spreadsheet_rows._line

    from spreadsheet_rows
    left join reported_days
        on reported_days.campaign_id = spreadsheet_rows.campaign_id
        and reported_days.cost_on = spreadsheet_rows.cost_on

    where reported_days.cost_on is null

),

final as (

    select
        -- ids
        {{ place("costs") }} as campaign_cost_id,
        costs.source,
        costs.campaign_id,
        costs._file_id,
        costs._line,

        -- strings
        costs.channel,
        costs.currency,

        -- numbers
        costs.cost_amount,
        {{ converted("costs.cost_amount", "fx_rates.fx_rate") }} as cost_amount_base,
        fx_rates.fx_rate,
        costs.impression_count,
        costs.click_count,

        -- dates
        costs.cost_on

    from costs
    left join fx_rates
        on fx_rates.currency = costs.currency
        and fx_rates.valid_from <= costs.cost_on
        and fx_rates.valid_until > costs.cost_on

    where costs.cost_on <= {{ as_of_date() }}

)

select * from final
