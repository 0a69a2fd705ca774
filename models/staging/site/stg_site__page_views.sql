with

events as (

    {{ first_rows("site", "page_views", ["event_id"]) }}

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
        {{ parse_id("events.event_id") }} as event_id,
        {{ parse_id("events.visitor_id") }} as visitor_id,
        {{ parse_id("events.session_id") }} as session_id,
        {{ parse_id("events.customer_id") }} as shopify_customer_id,
        {{ parse_text("events.order_number") }} as order_number,
        events._file_id,
        events._line,

        -- strings
        coalesce({{ parse_site_event("events.event") }}, 'page_view') as event_kind,
        {{ parse_text("events.url") }} as url,
        {{ parse_text("events.referrer") }} as referrer,
        {{ parse_text("events.utm_source") }} as utm_source,
        {{ parse_text("events.utm_medium") }} as utm_medium,
        {{ parse_text("events.utm_campaign") }} as utm_campaign,
        {{ parse_text("events.utm_content") }} as utm_content,
        {{ parse_text("events.utm_term") }} as utm_term,
        {{ parse_text("events.search_text") }} as search_text,
        {{ parse_text("events.sku") }} as sku,
        lower({{ parse_text("events.device") }}) as device,
        {{ parse_text("events.form") }} as form_name,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        {{ parse_text("events.social_link") }} as social_link,

        -- numbers
        {{ parse_integer("events.seconds_on_page") }} as seconds_on_page,

        -- booleans
        {{ parse_site_event("events.event") }} is null as is_event_kind_imputed,
        {{ parse_boolean("events.consent") }} as is_marketing_accepted,

        -- timestamps
        {{ parse_iso_timestamp("events.event_time") }} as happened_at

    from events
    left join emails
        on emails.contact_text = events.email
    left join phones
        on phones.contact_text = events.phone

)

select * from final
