-- Two ad accounts of Meta, one row per day and campaign: the American one is exported in
-- English with a summary row on top, the Russian one in French.

create schema meta_ads;

create macro in_french(number) as
    translate(format('{:,.2f}', number::double), ',.', chr(8239) || ',');

create table meta_costs as
with

drawn as (

    select
        *,
        draws('meta_ads.costs.amount_spent', number) as amount_digest,
        draws('meta_ads.costs.reporting_starts', number) as starts_digest,
        draws('meta_ads.costs delivery', number) as delivery_digest,
        epoch(spent_on::date)::bigint - 10800 as spent_at,

        if(
            currency = 'USD', format('{:,.2f}', amount::double), in_french(amount)
        ) as amount_spent

    from platform_spending

    where platform = 'meta_ads'

),

ruled as (

    select
        drawn.*,
        number_rule(amount_spent, amount_digest) as amount_rule,
        spoil_number(amount_spent, amount_rule, amount_digest) as delivered_amount,
        written_date_rule(spent_at, starts_digest) as starts_rule,
        if(
            starts_rule is null, spent_on, strftime(moscow(spent_at), '%d/%m/%Y')
        ) as delivered_starts

    from drawn

),

delivered as (

    select
        ruled.*,
        unnest(deliveries(delivery_digest), recursive := true)

    from ruled

)

select
    *,
    defects_among([
        defect('amount_spent', amount_rule, amount_spent, delivered_amount),
        defect('reporting_starts', starts_rule, spent_on, delivered_starts),
    ]) as defects

from delivered

order by number + delay // 3600, number, copy;

create table meta_ads.costs_usd as
with

rows as (

    select
        number as _row,
        copy as _copy,
        defects as _defects,
        delivered_starts as starts_on,
        spent_on as ends_on,
        campaign,
        impressions,
        clicks,
        delivered_amount as amount_spent

    from meta_costs

    where currency = 'USD'

),

summary as (

    select
        min(spent_on) as starts_on,
        max(spent_on) as ends_on,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        format('{:,.2f}', sum(amount)::double) as amount_spent

    from meta_costs

    where currency = 'USD'
        and copy = 0

),

reported as (

    select * from summary

    union all by name

    select * from rows

)

select
    _row,
    _copy,
    1 as _lines,
    _defects,

    starts_on as "Reporting starts",
    ends_on as "Reporting ends",
    campaign as "Campaign name",
    if(campaign is null, null, 'active') as "Campaign delivery",
    if(campaign is null, null, '7-day click or 1-day view') as "Attribution setting",
    null as "Results",
    null as "Result indicator",
    format('{:,}', (impressions * 0.75)::bigint) as "Reach",
    format('{:,}', impressions::bigint) as "Impressions",
    '1.33' as "Frequency",
    null as "Cost per results",
    amount_spent as "Amount spent (USD)",
    null as "CPM (cost per 1,000 impressions) (USD)",
    format('{:,}', clicks::bigint) as "Link clicks",
    format('{:,}', (clicks * 1.2)::bigint) as "Clicks (all)"

from reported;

create table meta_ads.costs_rub as
select
    number as _row,
    copy as _copy,
    1 as _lines,
    defects as _defects,

    delivered_starts as "Début des rapports",
    spent_on as "Fin des rapports",
    campaign as "Nom de la campagne",
    translate(format('{:,}', (impressions * 0.75)::bigint), ',', chr(8239))
        as "Couverture",
    translate(format('{:,}', impressions), ',', chr(8239)) as "Impressions",
    delivered_amount as "Montant dépensé (RUB)",
    translate(format('{:,}', clicks), ',', chr(8239)) as "Clics sur un lien"

from meta_costs

where currency = 'RUB';
