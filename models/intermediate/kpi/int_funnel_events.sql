with

page_views as (

    select * from {{ ref("stg_site__page_views") }}

    where {{ until_as_of("happened_at") }}

),

ga4_events as (

    select * from {{ ref("stg_ga4__events") }}

    where {{ until_as_of("happened_at") }}

),

deal_steps as (

    select * from {{ ref("int_deal_steps") }}

),

events as (

    select
        'site' as funnel,
        'site' as member,
        visitor_id as actor,
        1 as step_number,
        happened_at

    from page_views

    union all

    select
        'site' as funnel,
        'site' as member,
        visitor_id as actor,
        case
            when event_kind = 'purchase' then 5
            when event_kind = 'checkout' then 4
            when event_kind = 'add_to_cart' then 3
            else 2
        end as step_number,
        happened_at

    from page_views

    where
        event_kind in ('purchase', 'checkout', 'add_to_cart')
        or (event_kind = 'page_view' and sku is not null)

    union all

    select
        'site' as funnel,
        'ga4' as member,
        client_id as actor,
        1 as step_number,
        happened_at

    from ga4_events

    union all

    select
        'site' as funnel,
        'ga4' as member,
        client_id as actor,
        case event_name
            when 'purchase' then 5
            when 'begin_checkout' then 4
            when 'add_to_cart' then 3
            else 2
        end as step_number,
        happened_at

    from ga4_events

    where
        event_name in ('purchase', 'begin_checkout', 'add_to_cart', 'view_item')
        or (
            event_name = 'page_view'
            and {{ matches("page_location", "/(p|product|products)/") }}
        )

),

final as (

    select
        funnel,
        member,
        actor,
        step_number,
        {{ month_start(business_day("happened_at")) }} as month_start,
        happened_at

    from events

    where actor is not null

    group by
        funnel,
        member,
        actor,
        step_number,
        {{ month_start(business_day("happened_at")) }},
        happened_at

    union all

    select
        'deals' as funnel,
        source as member,
        deal_id as actor,
        step_number,
        {{ month_start("created_on") }} as month_start,
        reached_at as happened_at

    from deal_steps

)

select * from final
