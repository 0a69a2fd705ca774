with

customers as (

    select * from {{ ref("stg_shopify__customers") }}

),

final as (

    select
        {{ source_record(
            "shopify", "customers",
            record_id="shopify_customer_id",
            first_name="first_name",
            last_name="last_name",
            email="email",
            phone="phone",
            second_phone="address_phone",
            city="city",
            country="country",
            deleted_at="deleted_at",
            shop_customer_id="'shopify:' || shopify_customer_id"
        ) }}

    from customers

)

select * from final
