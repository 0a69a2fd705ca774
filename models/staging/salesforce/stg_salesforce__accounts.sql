with

latest as (

    {{ latest_rows("salesforce", "accounts", ["id"], deletions=true) }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.id") }} as account_id,
        {{ parse_id("latest.parent_id") }} as parent_account_id,
        {{ parse_id("latest.master_record_id") }} as merged_into_id,
        {{ parse_id("latest.owner_id") }} as owner_id,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.name") }} as account_name,
        {{ parse_text("latest.type") }} as account_type,
        {{ parse_text("latest.industry") }} as industry,
        phones.phone,
        {{ parse_text("latest.website") }} as website,
        {{ parse_name("latest.billing_city") }} as city,
        {{ parse_text("latest.billing_state") }} as region,
        {{ parse_text("latest.billing_country") }} as country,
        {{ parse_text("latest.ownership") }} as ownership,
        {{ parse_text("latest.rating") }} as rating,
        {{ parse_text("latest.account_source") }} as lead_source,
        coalesce(
            {{ parse_currency("latest.currency_iso_code") }}, '{{ var("base_currency") }}'
        ) as currency,

        -- numbers
        {{ parse_integer("latest.number_of_employees") }} as employee_count,
        {{ parse_amount("latest.annual_revenue") }} as annual_revenue_amount,

        -- booleans
        {{ parse_boolean("latest.is_deleted") }} as is_in_recycle_bin,
        {{ parse_currency("latest.currency_iso_code") }} is null
            as is_currency_imputed,

        -- timestamps
        {{ parse_iso_or_utc_timestamp("latest.created_date") }} as created_at,
        {{ parse_iso_or_utc_timestamp("latest.last_modified_date") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
