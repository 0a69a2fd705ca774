with

page_views as (

    select * from {{ ref("stg_site__page_views") }}

    where
        session_id is not null
        and {{ until_as_of("happened_at") }}

),

ga4_events as (

    select * from {{ ref("stg_ga4__events") }}

    where
        ga_session_id is not null
        and {{ until_as_of("happened_at") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

traffic_sources as (

    select * from {{ ref("traffic_sources") }}

),

channel_groups as (

    select * from {{ ref("channel_groups") }}

),

events as (

    select
        'site' as source,
        'page_views' as export,
        visitor_id,
        session_id,
        case
            when
                shopify_customer_id is not null
                or email is not null
                or phone is not null
                or social_link is not null
                then {{ surrogate_key([
                    "visitor_id", "shopify_customer_id", "email", "phone", "social_link"
                ]) }}
        end as record_id,
        url,
        referrer,
        lower(utm_source) as utm_source,
        lower(utm_medium) as utm_medium,
        utm_campaign,
        cast(null as {{ dbt.type_string() }}) as click_id,
        happened_at,
        _file_id,
        _line

    from page_views

    union all

    select
        'ga4' as source,
        'events' as export,
        client_id as visitor_id,
        ga_session_id as session_id,
        case
            when user_id is not null
                then {{ surrogate_key(["client_id", "user_id"]) }}
        end as record_id,
        page_location as url,
        page_referrer as referrer,
        lower(traffic_source_name) as utm_source,
        lower(traffic_medium) as utm_medium,
        campaign_name as utm_campaign,
        gclid as click_id,
        happened_at,
        _file_id,
        _line

    from ga4_events

),

numbered as (

    select
        events.*,
        customer_ids.customer_id,

        row_number() over (
            partition by events.source, events.visitor_id, events.session_id
            order by events.happened_at asc, events._file_id asc, events._line asc
        ) as event_number

    from events
    left join customer_ids
        on customer_ids.source = events.source
        and customer_ids.export = events.export
        and customer_ids.record_id = events.record_id

),

visits as (

    select
        source,
        visitor_id,
        session_id,
        min(customer_id) as customer_id,
        count(*) as event_count,
        min(happened_at) as started_at,
        max(happened_at) as ended_at

    from numbered

    group by
        source,
        visitor_id,
        session_id

),

visitors as (

    -- of a device that several people used, only the visits that name one are theirs
    select
        source,
        visitor_id,
        case when min(customer_id) = max(customer_id) then min(customer_id) end
            as only_customer_id

    from numbered

    group by
        source,
        visitor_id

),

landings as (

    select
        source,
        visitor_id,
        session_id,
        utm_source,
        utm_medium,
        utm_campaign,
        lower(concat(coalesce(url, ''), '&gclid=', coalesce(click_id, ''))) as landing_url,
        {{ url_host("url") }} as own_host,
        {{ url_host("referrer") }} as referrer_host,
        _file_id,
        _line

    from numbered

    where event_number = 1

),

tagged as (

    -- tags first, then what ads add to a link, then the page before
    select
        landings.*,
        {{ traffic_source_name("referrer_host") }} as referrer_name,
        case
            when utm_source is not null or utm_medium is not null then 'tags'
            when {{ matches("landing_url", "[?&]gclid=[^&]") }} then 'google'
            when {{ matches("landing_url", "[?&]yclid=[^&]") }} then 'yandex'
            when {{ matches("landing_url", "[?&]msclkid=[^&]") }} then 'bing'
            when referrer_host is not null and referrer_host <> coalesce(own_host, '')
                then 'referrer'
            else 'direct'
        end as told_by

    from landings

),

named as (

    select
        tagged.*,
        case told_by
            when 'tags' then coalesce(utm_source, '(not set)')
            when 'referrer' then referrer_host
            when 'direct' then '(direct)'
            else told_by
        end as traffic_source,
        case told_by
            when 'tags' then {{ traffic_source_name("utm_source") }}
            when 'referrer' then referrer_name
            else told_by
        end as traffic_source_name

    from tagged

),

classified as (

    select
        named.*,
        coalesce(by_source.category, by_name.category) as category,
        case told_by
            when 'tags' then coalesce(utm_medium, '(not set)')
            when 'direct' then '(none)'
            when 'referrer'
                then case
                    when coalesce(by_source.category, by_name.category) = 'search'
                        then 'organic'
                    else 'referral'
                end
            else 'cpc'
        end as traffic_medium,
        lower(utm_campaign) as campaign_text

    from named
    left join traffic_sources as by_source
        on by_source.traffic_source = named.traffic_source
    left join traffic_sources as by_name
        on by_name.traffic_source = named.traffic_source_name

),

grouped as (

    select
        classified.*,
        {{ default_channel_group(
            "traffic_source", "traffic_medium", "campaign_text", "category"
        ) }} as channel_group

    from classified

),

final as (

    select
        -- ids
        {{ surrogate_key([
            "visits.source", "visits.visitor_id", "visits.session_id"
        ]) }} as visit_id,
        visits.source,
        coalesce(visits.customer_id, visitors.only_customer_id) as customer_id,
        grouped.utm_campaign as campaign_id,
        grouped._file_id,
        grouped._line,

        -- strings
        channel_groups.channel,
        grouped.channel_group,
        grouped.traffic_source,
        grouped.traffic_medium,

        -- numbers
        visits.event_count,

        -- timestamps
        visits.started_at,
        visits.ended_at

    from visits
    inner join grouped
        on grouped.source = visits.source
        and grouped.visitor_id = visits.visitor_id
        and grouped.session_id = visits.session_id
    inner join visitors
        on visitors.source = visits.source
        and visitors.visitor_id = visits.visitor_id
    inner join channel_groups
        on channel_groups.ga4_channel_group = grouped.channel_group

)

select * from final
