with

rates as (

    select * from {{ ref("fx_rates") }}

),

quote_currencies as (

    select quote_currency

    from rates

    group by quote_currency

),

quoted as (

    select
        currency,
        quote_currency,
        rate_on as valid_from,
        least(
            coalesce(
                lead(rate_on) over (
                    partition by currency, quote_currency
                    order by rate_on
                ),
                {{ days_after("rate_on", var("fx_max_age_days")) }}
            ),
            {{ days_after("rate_on", var("fx_max_age_days")) }}
        ) as valid_until,
        cast(rate as double) as rate

    from rates

    union all

    select
        quote_currency as currency,
        quote_currency,
        cast('1900-01-01' as date) as valid_from,
        cast('9999-12-31' as date) as valid_until,
        cast(1 as double) as rate

    from quote_currencies

),

crossed as (

    -- both currencies have a rate to the same third one: their quotient
    select
        quoted.currency,
        greatest(quoted.valid_from, base.valid_from) as valid_from,
        least(quoted.valid_until, base.valid_until) as valid_until,
        cast(round(quoted.rate / base.rate, 8) as decimal(18, 8)) as fx_rate

    from quoted
    inner join quoted as base
        on base.currency = '{{ var("base_currency") }}'
        and base.currency <> quoted.currency
        and base.quote_currency = quoted.quote_currency
        and base.valid_from < quoted.valid_until
        and base.valid_until > quoted.valid_from

    union all

    select
        '{{ var("base_currency") }}' as currency,
        cast('1900-01-01' as date) as valid_from,
        cast('9999-12-31' as date) as valid_until,
        cast(1 as decimal(18, 8)) as fx_rate

),

final as (

    select
        currency,
        valid_from,
        valid_until,
        fx_rate

    from crossed

)

select * from final
