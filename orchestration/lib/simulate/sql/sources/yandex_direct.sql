-- The report wizard of Yandex Direct: one row per day and campaign, and the total below.

create schema yandex_direct;

create table yandex_direct.costs as
with

drawn as (

    select
        *,
        draws('yandex_direct.costs.cost', number) as cost_digest,
        draws('yandex_direct.costs.date', number) as date_digest,
        draws('yandex_direct.costs delivery', number) as delivery_digest,
        epoch(spent_on::date)::bigint - 10800 as spent_at,
        strftime(spent_on::date, '%d.%m.%Y') as day,
        in_russian(amount) as cost

    from platform_spending

    where platform = 'yandex_direct'

),

ruled as (

    select
        drawn.*,
        number_rule(cost, cost_digest) as cost_rule,
        spoil_number(cost, cost_rule, cost_digest) as delivered_cost,
        written_date_rule(spent_at, date_digest) as date_rule,
        if(date_rule is null, day, strftime(moscow(spent_at), '%d/%m/%Y'))
            as delivered_date

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
        if(campaign = 'brand-search', 81230001, 81230002) as campaign_id,
        defects_among([
            defect('date', date_rule, day, delivered_date),
            defect('cost', cost_rule, cost, delivered_cost),
        ]) as defects

    from delivered

    union all by name

    select
        'Итого' as delivered_date,
        sum(impressions)::bigint as impressions,
        sum(clicks)::bigint as clicks,
        sum(amount) as amount,
        in_russian(sum(amount)) as delivered_cost

    from ruled

)

select
    number as _row,
    copy as _copy,
    1 as _lines,
    defects as _defects,

    delivered_date as "Дата",
    campaign as "Кампания",
    campaign_id as "№ Кампании",
    impressions as "Показы",
    clicks as "Клики",
    if(
        impressions = 0,
        '0,00',
        replace(format('{:.2f}', clicks * 100 / impressions), '.', ',')
    ) as "CTR (%)",
    delivered_cost as "Расход (руб., с НДС)",
    if(clicks = 0, null, in_russian(amount / clicks))
        as "Ср. цена клика (руб., с НДС)"

from reported

order by number + delay // 3600 nulls last, number, copy;
