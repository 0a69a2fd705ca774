with

accepted as (

    {{ accepted_rows("meta_ads", "costs") }}

),

weighed as (

    select
        accepted.*,

        max(accepted._delivery) over (
            partition by {{ row_key("accepted", [
                "currency", "campaign_name", "reporting_starts", "reporting_ends", "day"
            ]) }}
        ) as newest_delivery

    from accepted

),

newest as (

    -- costs are restated: the newest file that has a campaign's days replaces them
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
        {{ parse_text("newest.campaign_name") }} as campaign_name,
        {{ parse_currency("newest.currency") }} as currency,

        -- numbers
        {{ parse_either_amount("newest.amount_spent") }} as cost_amount,
        {{ parse_grouped_integer("newest.impressions") }} as impression_count,
        {{ parse_grouped_integer("newest.link_clicks") }} as click_count,

        -- dates
        coalesce(
            {{ parse_date("newest.day") }},
            {{ parse_date("newest.reporting_starts") }}
        ) as starts_on,
        coalesce(
            {{ parse_date("newest.day") }},
            {{ parse_date("newest.reporting_ends") }}
        ) as ends_on

    from newest

)

select * from final
