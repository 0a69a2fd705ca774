with

events as (

    select * from {{ ref("stg_ga4__events") }}

    where user_id is not null

),

customer_systems as (

    select * from {{ ref("int_id_systems") }}

    where kind = 'shop customer'

),

numbered_rows as (

    select
        events.*,

        row_number() over (
            partition by client_id, user_id
            order by happened_at asc, _file_id asc, _line asc
        ) as sighting

    from events

),

signed_in as (

    -- a user on a device, for all that they did there
    select
        client_id,
        user_id,
        min(happened_at) as first_at,
        max(happened_at) as last_at,
        min(case when sighting = 1 then _file_id end) as _file_id,
        min(case when sighting = 1 then _line end) as _line

    from numbered_rows

    group by
        client_id,
        user_id

),

linked as (

    -- an id of no known shop is one of the site's own
    select
        signed_in.*,
        coalesce(customer_systems.source, 'ga4') || ':' || signed_in.user_id
            as shop_customer_id

    from signed_in
    left join customer_systems
        on customer_systems.quoted_id = signed_in.user_id

),

final as (

    select
        {{ source_record(
            "ga4", "events",
            record_id=surrogate_key(["client_id", "user_id"]),
            first_seen_at="first_at",
            last_seen_at="last_at",
            shop_customer_id="shop_customer_id",
            client_id="'ga4:' || client_id"
        ) }}

    from linked

)

select * from final
