with

latest as (

    {{ latest_rows("payments", "attempts", ["payment_id", "attempt_number"]) }}

),

currencies as (

    select * from {{ ref("currencies") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.payment_id") }} as payment_id,
        {{ parse_positive_integer("latest.attempt_number") }} as attempt_number,
        {{ parse_text("latest.order_name") }} as order_name,
        latest._file_id,
        latest._line,

        -- strings
        -- an attempt that nobody told the end of was interrupted
        coalesce({{ parse_payment_status("latest.status") }}, 'interrupted') as status,
        lower({{ parse_text("latest.error_code") }}) as error_code,
        lower({{ parse_text("latest.method") }}) as payment_method,
        {{ parse_currency("latest.currency") }} as currency,

        -- numbers
        cast(
            {{ parse_positive_integer("latest.amount") }}
            / power(10, currencies.minor_unit_digits)
            as decimal(38, 6)
        ) as amount,

        -- booleans
        {{ parse_payment_status("latest.status") }} is null as is_status_imputed,
        {{ parse_boolean("latest.three_d_secure") }} as is_three_d_secure,

        -- timestamps
        {{ parse_iso_timestamp("latest.attempted_at") }} as attempted_at

    from latest
    left join currencies
        on currencies.currency = {{ parse_currency("latest.currency") }}

)

select * from final
