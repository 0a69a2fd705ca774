with

accepted as (

    {{ accepted_rows("ads", "campaign_costs") }}

),

newest_deliveries as (

    -- costs are restated: the newest file that has the day replaces it
    select
        date as cost_day,
        max(_delivery) as _delivery

    from accepted

    group by date

),

currencies as (

    select * from {{ ref("currencies") }}

),

final as (

    select
        -- ids
        accepted._file_id,
        accepted._line,

        -- strings
        lower({{ parse_text("accepted.channel") }}) as channel,
        {{ parse_text("accepted.campaign") }} as campaign_id,
        {{ parse_currency("accepted.currency") }} as currency,

        -- numbers
        cast(
            case {{ parse_amount_unit("accepted.amount_unit") }}
                when 'minor'
                    then
                        {{ parse_unsigned_amount("accepted.amount") }}
                        / power(10, currencies.minor_unit_digits)
                else {{ parse_unsigned_amount("accepted.amount") }}
            end
            as decimal(38, 6)
        ) as cost_amount,
        {{ parse_integer("accepted.impressions") }} as impression_count,
        {{ parse_integer("accepted.clicks") }} as click_count,

        -- dates
        {{ parse_date("accepted.date") }} as cost_on

    from accepted
    inner join newest_deliveries
        on newest_deliveries.cost_day = accepted.date
        and newest_deliveries._delivery = accepted._delivery
    left join currencies
        on currencies.currency = {{ parse_currency("accepted.currency") }}

)

select * from final
