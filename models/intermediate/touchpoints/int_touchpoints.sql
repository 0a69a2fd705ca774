with

messages as (

    select * from {{ ref("int_messages") }}

    where clicked_at is not null

),

campaign_activity as (

    select * from {{ ref("stg_mailchimp__campaign_activity") }}

    where event_kind = 'click'

),

profile_events as (

    select * from {{ ref("stg_klaviyo__events") }}

    where metric_name in ('Clicked Email', 'Clicked SMS')

),

unisender_deliveries as (

    select * from {{ ref("stg_unisender__deliveries") }}

    where send_result = 'ok_link_visited'

),

deliveries as (

    select * from {{ ref("stg_messaging__deliveries") }}

    where event_kind in ('clicked', 'replied')

),

visits as (

    select * from {{ ref("int_visits") }}

    where customer_id is not null

),

contact_points as (

    select * from {{ ref("int_customer_contact_points") }}

    where is_owner

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

email_clicks as (

    select
        'sendgrid' as source,
        email,
        campaign_id,
        clicked_at as happened_at,
        _file_id,
        _line

    from messages

    union all

    select
        'mailchimp' as source,
        coalesce(email, suggested_email) as email,
        campaign_id,
        happened_at,
        _file_id,
        _line

    from campaign_activity

    union all

    select
        'unisender' as source,
        coalesce(email, suggested_email) as email,
        campaign_id,
        updated_at as happened_at,
        _file_id,
        _line

    from unisender_deliveries

),

clicks as (

    select
        email_clicks.source,
        contact_points.customer_id,
        'email' as channel,
        email_clicks.campaign_id,
        email_clicks.happened_at,
        email_clicks._file_id,
        email_clicks._line

    from email_clicks
    inner join contact_points
        on contact_points.channel = 'email'
        and contact_points.contact_point = email_clicks.email

    union all

    select
        'messaging' as source,
        contact_points.customer_id,
        {{ message_channel("deliveries.channel") }} as channel,
        deliveries.campaign_id,
        deliveries.happened_at,
        deliveries._file_id,
        deliveries._line

    from deliveries
    inner join contact_points
        on contact_points.channel = {{ message_channel("deliveries.channel") }}
        and contact_points.contact_point
        = coalesce(deliveries.phone, deliveries.suggested_phone)

    union all

    select
        'klaviyo' as source,
        customer_ids.customer_id,
        case profile_events.metric_name when 'Clicked SMS' then 'sms' else 'email' end
            as channel,
        coalesce(
            profile_events.campaign_id, profile_events.flow_id
        ) as campaign_id,
        profile_events.happened_at,
        profile_events._file_id,
        profile_events._line

    from profile_events
    inner join customer_ids
        on customer_ids.source = 'klaviyo'
        and customer_ids.export = 'profiles'
        and customer_ids.record_id = profile_events.profile_id

),

touches as (

    select
        source,
        'click' as touch_kind,
        customer_id,
        channel,
        campaign_id,
        cast(null as {{ dbt.type_string() }}) as traffic_source,
        cast(null as {{ dbt.type_string() }}) as traffic_medium,
        happened_at,
        _file_id,
        _line

    from clicks

    where {{ until_as_of("happened_at") }}

    union all

    select
        source,
        'visit' as touch_kind,
        customer_id,
        channel,
        campaign_id,
        traffic_source,
        traffic_medium,
        started_at as happened_at,
        _file_id,
        _line

    from visits

),

followed as (

    select
        touches.*,
        concat(touch_kind, ':', {{ place() }}) as touchpoint_id,

        lag(happened_at) over (
            partition by customer_id, channel
            order by happened_at asc, source asc, touch_kind asc, _file_id asc, _line asc
        ) as previous_at

    from touches

),

final as (

    select
        -- ids
        touchpoint_id,
        source,
        customer_id,
        campaign_id,
        _file_id,
        _line,

        -- strings
        touch_kind,
        channel,
        traffic_source,
        traffic_medium,

        -- booleans
        coalesce(
            {{ seconds_between("previous_at", "happened_at") }}
            <= 60 * {{ var("touch_minutes") }},
            false
        ) as is_continuation,

        -- timestamps
        happened_at

    from followed

)

select * from final
