with

activity as (

    {{ first_rows(
        "mailchimp", "campaign_activity",
        ["campaign_id", "email_id", "action", "timestamp", "url"]
    ) }}

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

final as (

    select
        -- ids
        {{ surrogate_key([
            "activity.campaign_id", "activity.email_id", "activity.action",
            "activity.timestamp", "activity.url"
        ]) }} as event_id,
        {{ parse_id("activity.campaign_id") }} as campaign_id,
        {{ parse_id("activity.list_id") }} as audience_id,
        activity._file_id,
        activity._line,

        -- strings
        emails.email,
        emails.suggestion as suggested_email,
        {{ parse_campaign_action("activity.action") }} as event_kind,
        {{ parse_bounce_kind("activity.type") }} as bounce_kind,
        {{ parse_text("activity.url") }} as url,

        -- timestamps
        {{ parse_iso_timestamp("activity.timestamp") }} as happened_at

    from activity
    left join emails
        on emails.contact_text = activity.email_address

)

select * from final
