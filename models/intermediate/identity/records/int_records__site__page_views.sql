with

events as (

    select * from {{ ref("stg_site__page_views") }}

    where
        shopify_customer_id is not null
        or email is not null
        or phone is not null
        or social_link is not null

),

numbered_rows as (

    select
        events.*,

        row_number() over (
            partition by visitor_id, shopify_customer_id, email, phone, social_link
            order by happened_at asc, _file_id asc, _line asc
        ) as sighting

    from events

),

visitors as (

    -- a device and who was told of on it, for all that they did there
    select
        visitor_id,
        shopify_customer_id,
        email,
        phone,
        social_link,
        min(happened_at) as first_at,
        max(happened_at) as last_at,
        min(case when sighting = 1 then _file_id end) as _file_id,
        min(case when sighting = 1 then _line end) as _line

    from numbered_rows

    group by
        visitor_id,
        shopify_customer_id,
        email,
        phone,
        social_link

),

final as (

    select
        {{ source_record(
            "site", "page_views",
            record_id=surrogate_key([
                "visitor_id", "shopify_customer_id", "email", "phone", "social_link"
            ]),
            email="email",
            phone="phone",
            first_seen_at="first_at",
            last_seen_at="last_at",
            shop_customer_id="'shopify:' || shopify_customer_id",
            client_id="'site:' || visitor_id",
            social_link="social_link"
        ) }}

    from visitors

)

select * from final
