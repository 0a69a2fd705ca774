with

latest as (

    {{ latest_rows("hubspot", "companies", ["record_id"], deletions=true) }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.record_id") }} as company_id,
        replace({{ parse_text("latest.associated_contact_ids") }}, ' ', '') as contact_ids,
        replace({{ parse_text("latest.associated_deal_ids") }}, ' ', '') as deal_ids,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.company_name") }} as company_name,
        lower({{ parse_text("latest.company_domain_name") }}) as domain,
        phones.phone,
        {{ parse_name("latest.city") }} as city,
        {{ parse_text("latest.state_region") }} as region,
        {{ parse_text("latest.country_region") }} as country,
        {{ parse_text("latest.industry") }} as industry,
        {{ parse_text("latest.type") }} as company_type,
        {{ parse_text("latest.company_owner") }} as company_owner,
        {{ parse_text("latest.lead_status") }} as lead_status,
        {{ parse_text("latest.lifecycle_stage") }} as lifecycle_stage,
        {{ parse_text("latest.original_traffic_source") }} as lead_source,
        '{{ var("base_currency") }}' as currency,

        -- numbers
        {{ parse_integer("latest.number_of_employees") }} as employee_count,
        {{ parse_amount("latest.annual_revenue") }} as annual_revenue_amount,

        -- booleans
        true as is_currency_imputed,

        -- timestamps
        {{ parse_local_timestamp("latest.create_date") }} as created_at,
        {{ parse_local_timestamp("latest.last_modified_date") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest
    left join phones
        on phones.contact_text = latest.phone_number

)

select * from final
