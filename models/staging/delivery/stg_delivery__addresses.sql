with

latest as (

    {{ latest_rows("delivery", "addresses", ["request_id"]) }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ parse_id("latest.request_id") }} as request_id,
        {{ parse_id("latest.order_number") }} as order_name,
        latest._file_id,
        latest._line,

        -- strings
        {{ parse_name("latest.recipient") }} as recipient_name,
        phones.phone,
        {{ parse_text("latest.address") }} as address,
        {{ parse_name("latest.city") }} as city,
        {{ parse_id("latest.postcode") }} as postcode,
        {{ parse_text("latest.country") }} as country,
        {{ parse_text("latest.comment") }} as comment_text,
        {{ parse_text("latest.courier") }} as courier,

        -- timestamps
        {{ parse_local_timestamp("latest.requested_at") }} as requested_at

    from latest
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
