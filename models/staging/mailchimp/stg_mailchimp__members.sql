with

accepted as (

    {{ accepted_rows("mailchimp", "members") }}

),

newest_first as (

    -- a member who moved from one file to another has left the first one
    select
        accepted.*,

        row_number() over (
            partition by {{ parse_id("accepted.euid") }}
            order by
                accepted._loaded_at desc,
                {{ parse_utc_timestamp("accepted.last_changed") }} desc nulls last,
                accepted._line desc
        ) as recency

    from accepted

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

final as (

    select
        -- ids
        {{ parse_id("newest_first.euid") }} as member_id,
        newest_first._file_id,
        newest_first._line,

        -- strings
        emails.email,
        emails.suggestion as suggested_email,
        {{ parse_text("newest_first.first_name") }} as first_name,
        {{ parse_text("newest_first.last_name") }} as last_name,
        {{ parse_text("newest_first.cc") }} as country,

        -- timestamps
        {{ parse_utc_timestamp("newest_first.optin_time") }} as opted_in_at,
        {{ parse_utc_timestamp("newest_first.confirm_time") }} as confirmed_at,
        {{ parse_utc_timestamp("newest_first.unsub_time") }} as unsubscribed_at,
        {{ parse_utc_timestamp("newest_first.clean_time") }} as cleaned_at,
        {{ parse_utc_timestamp("newest_first.last_changed") }} as changed_at

    from newest_first
    left join emails
        on emails.contact_text = newest_first.email_address

    where newest_first.recency = 1

)

select * from final
