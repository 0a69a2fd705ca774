with

checkout_rows as (

    select * from {{ ref("stg_shopify__abandoned_checkouts") }}

),

numbered_rows as (

    select
        checkout_rows.*,

        row_number() over (
            partition by checkout_id
            order by
                case when is_first_line then 0 else 1 end,
                _file_id asc,
                _line asc
        ) as row_number_of_checkout

    from checkout_rows

),

checkouts as (

    select * from numbered_rows

    where row_number_of_checkout = 1

),

records as (

    select
        {{ source_record(
            "shopify", "abandoned_checkouts",
            record_id="checkout_id",
            first_name=first_of_full_name("billing_name"),
            last_name=last_of_full_name("billing_name"),
            email="email",
            phone="phone",
            city="billing_city",
            country="billing_country",
            first_seen_at="abandoned_at",
            last_seen_at="abandoned_at"
        ) }}

    from checkouts

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
