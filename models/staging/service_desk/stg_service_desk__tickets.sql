with

latest as (

    {{ latest_rows("service_desk", "tickets", ["ticket_id"]) }}

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.ticket_id") }} as ticket_id,
        {{ parse_id("latest.order_number") }} as order_name,
        {{ parse_id("latest.serial_number") }} as serial_number,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.customer_name") }} as customer_name,
        emails.email,
        phones.phone,
        {{ parse_text("latest.subject") }} as subject,
        {{ parse_text("latest.product") }} as product_name,
        lower({{ parse_text("latest.category") }}) as category,
        lower({{ parse_text("latest.priority") }}) as priority,
        {{ parse_contact_channel("latest.channel") }} as channel,
        coalesce(
            {{ parse_ticket_status("latest.status") }},
            case
                when {{ parse_iso_timestamp("latest.closed_at") }} is null then 'open'
                else 'closed'
            end
        ) as status,
        {{ parse_text("latest.agent") }} as agent,

        -- numbers
        {{ parse_rating_integer("latest.satisfaction_score") }} as satisfaction_score,

        -- booleans
        {{ parse_ticket_status("latest.status") }} is null as is_status_imputed,

        -- timestamps
        {{ parse_iso_timestamp("latest.opened_at") }} as opened_at,
        {{ parse_iso_timestamp("latest.closed_at") }} as closed_at

    from latest
    left join emails
        on emails.contact_text = latest.customer_email
    left join phones
        on phones.contact_text = latest.customer_phone

)

select * from final
