-- Google Analytics, which sees four visits in five of those in sources/site.sql: one
-- row per event, whose only column is the JSON object as BigQuery extracts it.

create schema ga4;

create macro string_parameter(key, value) as case when value is not null
    then to_json({'key': key, 'value': {'string_value': value}})
end;

create macro int_parameter(key, value) as case when value is not null
    then to_json({'key': key, 'value': {'int_value': value::varchar}})
end;

create table ga4.events as
with

seen as (

    select
        site_events.*,
        last_at - 600 as session_id,
        case event
            when 'checkout' then 'begin_checkout'
            when 'download' then 'file_download'
            when 'search' then 'view_search_results'
            else event
        end as event_name

    from site_events

    where share(digest, 2) < 0.80
        and event <> 'ad_view'

),

delivered as (

    select
        seen.*,
        unnest(
            deliveries(draws('ga4.events delivery', row_id)), recursive := true
        )

    from seen

)

select
    row_id as _row,
    copy as _copy,
    1 as _lines,
    null::spoiled_cell[] as _defects,

    json_merge_patch('{}', to_json({
        'event_date': strftime(moscow(happened_at), '%Y%m%d'),
        'event_timestamp': (
            happened_at * 1000000 + floor(share(event_digest, 2) * 1000000)::bigint
        )::varchar,
        'event_name': event_name,
        'event_params': list_filter(
            [
                int_parameter('ga_session_id', session_id),
                string_parameter('page_location', url),
                int_parameter(
                    'engagement_time_msec',
                    if(event = 'page_view', floor(share(event_digest, 3) * 90000)::int, null)
                ),
                string_parameter(
                    'transaction_id', if(event = 'purchase', order_number, null)
                )
            ],
            lambda parameter: parameter is not null
        ),
        'event_bundle_sequence_id': session_id::varchar,
        'user_id': customer_id::varchar,
        'user_pseudo_id': concat(
            (md5_number(visitor_key) % 2000000000)::varchar, '.', log_start()
        ),
        'privacy_info': {'analytics_storage': 'Yes', 'ads_storage': 'No'},
        'device': {
            'category': if(device = 'app', 'mobile', device), 'language': 'ru-ru'
        },
        'geo': {'country': 'Russia'},
        'traffic_source': {
            'name': '(direct)', 'medium': '(none)', 'source': '(direct)'
        },
        'collected_traffic_source': if(
            step = 1 and utm_campaign is not null,
            {
                'manual_campaign_name': utm_campaign,
                'manual_source': 'newsletter',
                'manual_medium': 'email'
            },
            null
        ),
        'stream_id': if(device = 'app', '3344556678', '3344556677'),
        'platform': if(device = 'app', 'ANDROID', 'WEB'),
        'ecommerce': if(
            event = 'purchase', {'transaction_id': order_number}, null
        ),
        'batch_event_index': step::varchar
    }))::varchar as event

from delivered

order by happened_at + delay, row_id, copy;
