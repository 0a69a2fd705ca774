{#-
    Ids that other exports quote without saying whose they are: what they are ids of, the
    system, its staging model and the column.
-#}
{% set ids = [
    ("contact", "hubspot", "stg_hubspot__contacts", "contact_id"),
    ("contact", "bitrix24", "stg_bitrix24__contacts", "contact_id"),
    ("contact", "salesforce", "stg_salesforce__contacts", "contact_id"),
    ("shop customer", "shopify", "stg_shopify__customers", "shopify_customer_id"),
    ("shop customer", "woocommerce", "stg_woocommerce__orders", "woocommerce_customer_id"),
    ("shop customer", "insales", "stg_insales__orders", "insales_customer_id"),
    ("order", "shopify", "stg_shopify__orders", "order_name"),
    ("order", "woocommerce", "stg_woocommerce__orders", "order_number"),
    ("order", "insales", "stg_insales__orders", "order_number"),
    ("order", "bitrix_shop", "stg_bitrix_shop__orders", "order_number"),
] -%}

with

listed as (

    {% for kind, system, model, column in ids %}
    select
        '{{ kind }}' as kind,
        {{ column }} as quoted_id,
        '{{ system }}' as source

    from {{ ref(model) }}
    {% if not loop.last %}

    union all

    {% endif %}
    {% endfor %}

),

final as (

    -- of an id that two systems have, nobody knows which is meant
    select
        kind,
        quoted_id,
        min(source) as source

    from listed

    where quoted_id is not null

    group by
        kind,
        quoted_id

    having min(source) = max(source)

)

select * from final
