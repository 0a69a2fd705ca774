with

latest as (

    {{ latest_rows("surveys", "nps_responses", ["response_id"]) }}

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
        {{ parse_id("latest.response_id") }} as response_id,
        {{ parse_id("latest.contact_id") }} as contact_id,
        latest._file_id,
        latest._line,

        -- strings
        emails.email,
        phones.phone,
        coalesce(lower({{ parse_text("latest.touchpoint") }}), 'unknown') as touchpoint,
        {{ parse_text("latest.comment") }} as comment_text,

        -- numbers
        {{ parse_nps_score_integer("latest.score") }} as score,

        -- booleans
        {{ parse_text("latest.touchpoint") }} is null as is_touchpoint_imputed,

        -- timestamps
        {{ parse_local_timestamp("latest.responded_at") }} as responded_at

    from latest
    left join emails
        on emails.contact_text = latest.email
    left join phones
        on phones.contact_text = latest.phone

)

select * from final
