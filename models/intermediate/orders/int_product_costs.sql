with

shopify_products as (

    select * from {{ ref("stg_shopify__products") }}

),

insales_products as (

    select * from {{ ref("stg_insales__products") }}

    where currency is null or currency = '{{ var("base_currency") }}'

),

costs as (

    -- of two costs of one article the higher, so that no margin is overstated
    {% for shop in ["shopify", "insales"] %}
    select
        '{{ shop }}' as source,
        sku,
        max(unit_cost) as unit_cost

    from {{ shop }}_products

    where
        sku is not null
        and unit_cost is not null

    group by sku
    {% if not loop.last %}

    union all

    {% endif %}
    {% endfor %}

),

final as (

    select
        source,
        sku,
        unit_cost

    from costs

)

select * from final
