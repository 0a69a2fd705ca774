-- The payment gateway: one row per attempt to pay an order by card. Before the attempt
-- that settled the order others may have failed, or have been left in the middle.

create schema payments;

create table payments.attempts as
with

drawn as (

    select
        orders.*,
        'p' || order_id as payment_id,
        draws('payments.attempts', order_id) as digest,
        draws('payments.attempts.currency', order_id) as currency_digest,

        case when share(currency_digest, 0) < getvariable('rates').currency_without_rate
            then 'currency_without_rate'
        end as currency_rule,

        case
            when share(digest, 0) < 0.80 then 1
            when share(digest, 0) < 0.94 then 2
            else 3
        end as attempt_count

    from orders

    -- As the shop's own export has it.
    where share(draws('shopify.orders', order_id), 2) < 0.8

),

attempted as (

    select
        drawn.* exclude (status),
        unnest(range(1, attempt_count + 1)) as attempt,
        8 * order_id + attempt as row_id,
        draws('payments.attempts attempt', row_id) as attempt_digest,

        ordered_at + 240 - 60 * (attempt_count - attempt) as attempted_at,

        case
            when attempt < attempt_count
                then if(share(attempt_digest, 0) < 0.75, 'failed', 'interrupted')
            when is_paid then 'succeeded'
            when financial_status = 'voided' then 'canceled'
            when financial_status = 'expired' then 'interrupted'
            else 'pending'
        end as status

    from drawn

),

ruled as (

    select
        attempted.*,
        draws('payments.attempts.status', row_id) as status_digest,
        draws('payments.attempts.attempted_at', row_id) as attempted_digest,
        text_rule(status, status_digest) as status_rule,

        -- Without its day an amount in tenge would be asked for no rate.
        case
            when currency_rule is null
                and share(attempted_digest, 0) < getvariable('rates').unparsable_date
                then 'unparsable_date'
        end as attempted_rule

    from attempted

),

spoiled as (

    select
        ruled.*,
        spoil_text(status, status_rule) as delivered_status,
        if(currency_rule is null, currency, 'KZT') as delivered_currency,
        if(currency_rule is null, 1, tenge_factor(currency)) as factor,
        strftime(moscow(attempted_at), '%Y-%m-%dT%H:%M:%S+03:00') as attempted,
        if(
            attempted_rule is null, attempted, (moscow_day(attempted_at) + 25569)::varchar
        ) as delivered_attempted

    from ruled

),

delivered as (

    select
        spoiled.*,
        unnest(deliveries(draws('payments.attempts delivery', row_id)), recursive := true)

    from spoiled

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    defects_among([
        defect('attempted_at', attempted_rule, attempted, delivered_attempted),
        defect('currency', currency_rule, currency, delivered_currency),
        defect('status', status_rule, status, delivered_status),
    ]) as _defects,

    to_json({
        'payment_id': payment_id,
        'order_name': name,
        'attempt_number': attempt,
        'attempted_at': delivered_attempted,
        'amount': (100 * factor * total_amount)::bigint,
        'currency': delivered_currency,
        'method': 'bank_card',
        'status': delivered_status,
        'error_code': if(
            status = 'failed',
            pick(
                ['insufficient_funds', 'do_not_honor', 'expired_card', 'limit_exceeded'],
                share(attempt_digest, 1)
            ),
            null
        ),
        'three_d_secure': if(
            status in ('succeeded', 'failed'), share(attempt_digest, 2) < 0.5, null
        )
    })::varchar as attempt

from delivered

order by attempted_at + delay, row_id, copy;
