with

accepted as (

    {{ accepted_rows("yandex_direct", "costs") }}

),

weighed as (

    select
        accepted.*,

        max(accepted._delivery) over (
            partition by {{ row_key("accepted", ["campaign_id", "date"]) }}
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
        'RUB' as currency,

        -- numbers
        {{ parse_spaced_amount("newest.cost") }} as cost_amount,
        {{ parse_grouped_integer("newest.impressions") }} as impression_count,
        {{ parse_grouped_integer("newest.clicks") }} as click_count,

        -- booleans
        {{ parse_vat_included("newest.vat") }} as is_vat_included,

        -- dates
        {{ parse_day_first_date("newest.date") }} as cost_on

    from newest

)

select * from final
