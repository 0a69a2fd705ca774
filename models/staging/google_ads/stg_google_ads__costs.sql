with

accepted as (

    {{ accepted_rows("google_ads", "costs") }}

),

weighed as (

    select
        accepted.*,

        max(accepted._delivery) over (
            partition by {{ row_key("accepted", ["currency_code", "campaign", "day"]) }}
        ) as newest_delivery

    from accepted

),

newest as (

    -- costs are restated: the newest file that has a campaign's day replaces it
    select * from weighed

    where _delivery = newest_delivery

),

final as (

    select
        -- ids
        {{ parse_id("newest.campaign_id") }} as platform_campaign_id,
        newest._file_id,
        newest._line,

        -- strings
        {{ parse_text("newest.campaign") }} as campaign_name,
        {{ parse_currency("newest.currency_code") }} as currency,

        -- numbers
        {{ parse_dashed_amount("newest.cost") }} as cost_amount,
        {{ parse_grouped_integer("newest.impr") }} as impression_count,
        {{ parse_grouped_integer("newest.clicks") }} as click_count,

        -- dates
        {{ parse_date("newest.day") }} as cost_on

    from newest

)

select * from final
