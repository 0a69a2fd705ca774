with

deliveries as (

    select * from {{ ref("stg_messaging__deliveries") }}

    where event_kind = 'stopped'

),

calls as (

    select * from {{ ref("stg_call_centre__calls") }}

    where is_call_refused

),

shop_customers as (

    select * from {{ ref("stg_shopify__customers") }}

    where
        accepts_sms_marketing
        and deleted_at is null

),

klaviyo_profiles as (

    select * from {{ ref("stg_klaviyo__profiles") }}

    where
        sms_consent = 'unsubscribed'
        or (sms_consent = 'subscribed' and deleted_at is null)

),

unisender_contacts as (

    select * from {{ ref("stg_unisender__contacts") }}

    where phone_status in ('unsubscribed', 'blocked')

),

salesforce_contacts as (

    select * from {{ ref("stg_salesforce__contacts") }}

    where is_opted_out_of_calls

),

questionnaire_answers as (

    select * from {{ ref("stg_questionnaires__answers") }}

    where not is_mailing_allowed

),

told as (

    select
        case
            when channel = 'sms' then 'sms'
            when channel in ('push', 'web_push') then 'push'
            else 'messenger'
        end as channel,
        coalesce(phone, suggested_phone, recipient_id) as contact_point,
        false as is_granted,
        happened_at as decided_at,
        'messaging' as source,
        'stopped messages' as evidence

    from deliveries

    where channel is not null

    union all

    select
        'call_centre' as channel,
        coalesce(phone, suggested_phone) as contact_point,
        false as is_granted,
        started_at as decided_at,
        'call_centre' as source,
        'asked not to be called' as evidence

    from calls

    union all

    -- a state without a date, as the shop's flag for e-mail
    select
        'sms' as channel,
        phone as contact_point,
        true as is_granted,
        cast(null as timestamp) as decided_at,
        'shopify' as source,
        'accepts SMS marketing' as evidence

    from shop_customers

    union all

    -- a grant holds for the number as it was written, a withdrawal for the number meant
    select
        'sms' as channel,
        case
            when sms_consent = 'subscribed' then phone
            else coalesce(phone, suggested_phone)
        end as contact_point,
        sms_consent = 'subscribed' as is_granted,
        sms_consent_at as decided_at,
        'klaviyo' as source,
        case
            when sms_consent = 'subscribed' then 'subscribed to SMS'
            else 'unsubscribed from SMS'
        end as evidence

    from klaviyo_profiles

    union all

    select
        'sms' as channel,
        coalesce(phone, suggested_phone) as contact_point,
        false as is_granted,
        cast(null as timestamp) as decided_at,
        'unisender' as source,
        'unsubscribed from SMS' as evidence

    from unisender_contacts

    union all

    select
        'sms' as channel,
        coalesce(phone, suggested_phone) as contact_point,
        false as is_granted,
        cast(signed_on as timestamp) as decided_at,
        'questionnaires' as source,
        'refused mailings on paper' as evidence

    from questionnaire_answers

    {% for kind in ["", "mobile_", "home_", "other_"] %}
    union all

    select
        'call_centre' as channel,
        coalesce({{ kind }}phone, suggested_{{ kind }}phone) as contact_point,
        false as is_granted,
        coalesce(modified_at, created_at) as decided_at,
        'salesforce' as source,
        'opted out of calls in the CRM' as evidence

    from salesforce_contacts
    {% endfor %}

),

final as (

    select
        channel,
        contact_point,
        is_granted,
        decided_at,
        source,
        evidence

    from told

    where contact_point is not null

    group by
        channel,
        contact_point,
        is_granted,
        decided_at,
        source,
        evidence

)

select * from final
