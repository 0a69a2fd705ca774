-- Two accounts of Google Ads, each with the report of its only campaign: one row per
-- day, and the total below. Where nobody clicked, two dashes stand for the price of a
-- click.

create schema google_ads;

create table google_costs as
with

drawn as (

    select
        *,
        draws('google_ads.costs.cost', number) as cost_digest,
        draws('google_ads.costs.day', number) as day_digest,
        draws('google_ads.costs.currency_code', number) as currency_digest,
        draws('google_ads.costs delivery', number) as delivery_digest,
        epoch(spent_on::date)::bigint - 10800 as spent_at,
        concat(if(currency = 'EUR', '€', null), format('{:,.2f}', amount::double))
            as cost

    from platform_spending

    where platform = 'google_ads'

),

ruled as (

    select
        drawn.*,
        number_rule(cost, cost_digest) as cost_rule,
        spoil_number(cost, cost_rule, cost_digest) as delivered_cost,
        written_date_rule(spent_at, day_digest) as day_rule,
        if(day_rule is null, spent_on, strftime(moscow(spent_at), '%d/%m/%Y'))
            as delivered_day,

        -- Without a day there is no rate to look for.
        case
            when day_rule is null
                and share(currency_digest, 0) < getvariable('rates').currency_without_rate
                then 'currency_without_rate'
        end as currency_rule,

        if(currency_rule is null, currency, 'KZT') as delivered_currency

    from drawn

),

delivered as (

    select
        ruled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from ruled

),

reported as (

    select
        *,
        defects_among([
            defect('day', day_rule, spent_on, delivered_day),
            defect('currency_code', currency_rule, currency, delivered_currency),
            defect('cost', cost_rule, cost, delivered_cost),
        ]) as defects

    from delivered

    union all by name

    select
        currency,
        'Total: Campaigns' as delivered_day,
        ' --' as campaign,
        currency as delivered_currency,
        sum(clicks)::bigint as clicks,
        sum(impressions)::bigint as impressions,
        sum(amount) as amount,
        concat(if(currency = 'EUR', '€', null), format('{:,.2f}', sum(amount)::double))
            as delivered_cost

    from ruled

    group by currency

)

select
    currency as _currency,
    number as _row,
    copy as _copy,
    1 as _lines,
    defects as _defects,

    delivered_day as "Day",
    campaign as "Campaign",
    delivered_currency as "Currency code",
    format('{:,}', clicks) as "Clicks",
    format('{:,}', impressions) as "Impr.",
    if(impressions = 0, ' --', format('{:.2f}%', clicks * 100 / impressions)) as "CTR",
    if(clicks = 0, ' --', format('{:,.2f}', (amount / clicks)::double)) as "Avg. CPC",
    delivered_cost as "Cost",
    '0.00' as "Conversions",
    ' --' as "Cost / conv."

from reported

order by number + delay // 3600 nulls last, number, copy;

create table google_ads.costs_eur as
select * exclude (_currency) from google_costs where _currency = 'EUR';

create table google_ads.costs_rub as
select * exclude (_currency) from google_costs where _currency = 'RUB';
