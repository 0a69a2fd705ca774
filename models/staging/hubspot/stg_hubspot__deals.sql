with

latest as (

    {{ latest_rows("hubspot", "deals", ["record_id"], deletions=true) }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.record_id") }} as deal_id,
        replace({{ parse_text("latest.associated_company_ids") }}, ' ', '') as company_ids,
        replace({{ parse_text("latest.associated_contact_ids") }}, ' ', '') as contact_ids,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_text("latest.deal_name") }} as deal_name,
        {{ parse_text("latest.pipeline") }} as pipeline,
        {{ parse_text("latest.deal_stage") }} as stage,
        case
            when {{ parse_boolean("latest.is_closed_won") }} then 'won'
            when {{ parse_boolean("latest.is_deal_closed") }} then 'lost'
            else 'open'
        end as deal_status,
        {{ parse_text("latest.deal_type") }} as deal_type,
        {{ parse_text("latest.priority") }} as priority,
        {{ parse_text("latest.deal_owner") }} as deal_owner,
        {{ parse_text("latest.original_traffic_source") }} as lead_source,
        {{ parse_text("latest.closed_lost_reason") }} as loss_reason,
        coalesce(
            {{ parse_currency("latest.currency") }}, '{{ var("base_currency") }}'
        ) as currency,

        -- numbers
        {{ parse_amount("latest.amount") }} as amount,

        -- booleans
        {{ parse_currency("latest.currency") }} is null as is_currency_imputed,

        -- timestamps
        {{ parse_local_timestamp("latest.create_date") }} as created_at,
        {{ parse_local_timestamp("latest.close_date") }} as closes_at,
        {{ parse_local_timestamp("latest.last_modified_date") }} as modified_at,
        latest._deleted_at as deleted_at

    from latest

)

select * from final
