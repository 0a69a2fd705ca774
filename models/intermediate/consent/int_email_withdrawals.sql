with

salesforce_contacts as (

    select * from {{ ref("stg_salesforce__contacts") }}

    where is_unsubscribed

),

klaviyo_profiles as (

    select * from {{ ref("stg_klaviyo__profiles") }}

),

klaviyo_events as (

    select * from {{ ref("stg_klaviyo__events") }}

    where
        lower(metric_name) in (
            'unsubscribed', 'unsubscribed from email marketing',
            'unsubscribed from list', 'marked email as spam'
        )

),

unisender_contacts as (

    select * from {{ ref("stg_unisender__contacts") }}

    where
        email_status in ('unsubscribed', 'blocked')
        or left_email_list_ids is not null

),

unisender_deliveries as (

    select * from {{ ref("stg_unisender__deliveries") }}

    where send_result in ('ok_unsubscribed', 'ok_fbl', 'err_unsubscribed')

),

questionnaire_answers as (

    select * from {{ ref("stg_questionnaires__answers") }}

    where not is_mailing_allowed

),

told as (

    select
        email,
        suggested_email,
        coalesce(modified_at, created_at) as withdrawn_at,
        'salesforce' as source,
        'opted out of e-mail in the CRM' as evidence

    from salesforce_contacts

    union all

    select
        email,
        suggested_email,
        email_consent_at as withdrawn_at,
        'klaviyo' as source,
        'unsubscribed' as evidence

    from klaviyo_profiles

    where email_consent = 'unsubscribed'

    union all

    select
        email,
        suggested_email,
        suppressed_at as withdrawn_at,
        'klaviyo' as source,
        'suppressed' as evidence

    from klaviyo_profiles

    where suppression_reason is not null

    union all

    select
        klaviyo_profiles.email,
        klaviyo_profiles.suggested_email,
        klaviyo_events.happened_at as withdrawn_at,
        'klaviyo' as source,
        'unsubscribed in a message' as evidence

    from klaviyo_events
    inner join klaviyo_profiles
        on klaviyo_profiles.profile_id = klaviyo_events.profile_id

    union all

    select
        email,
        suggested_email,
        cast(null as timestamp) as withdrawn_at,
        'unisender' as source,
        'left a list' as evidence

    from unisender_contacts

    union all

    select
        email,
        suggested_email,
        updated_at as withdrawn_at,
        'unisender' as source,
        'unsubscribed in a message' as evidence

    from unisender_deliveries

    union all

    select
        email,
        suggested_email,
        cast(signed_on as timestamp) as withdrawn_at,
        'questionnaires' as source,
        'refused mailings on paper' as evidence

    from questionnaire_answers

),

final as (

    -- a withdrawal counts for the address that a misspelt one stands for
    select
        coalesce(email, suggested_email) as email,
        withdrawn_at,
        source,
        evidence

    from told

    where coalesce(email, suggested_email) is not null

    group by
        coalesce(email, suggested_email),
        withdrawn_at,
        source,
        evidence

)

select * from final
