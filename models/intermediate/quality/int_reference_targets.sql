{#-
    What records of other exports refer to. Which shop an order number belongs to, and
    which CRM a contact's id, no export says: any will do.
-#}
{% set places = [
    ("shopify.customers", "stg_shopify__customers", "email"),
    ("shopify.products", "stg_shopify__products", "sku"),
    ("woocommerce.products", "stg_woocommerce__products", "sku"),
    ("insales.products", "stg_insales__products", "sku"),
    ("orders of any shop", "stg_shopify__orders", "order_name"),
    ("orders of any shop", "stg_woocommerce__orders", "order_number"),
    ("orders of any shop", "stg_insales__orders", "order_number"),
    ("orders of any shop", "stg_bitrix_shop__orders", "order_number"),
    ("pos.receipts", "stg_pos__receipts", "receipt_number"),
    ("loyalty.ledger", "stg_loyalty__ledger", "card_number"),
    ("hubspot.contacts", "stg_hubspot__contacts", "contact_id"),
    ("bitrix24.contacts", "stg_bitrix24__contacts", "contact_id"),
    ("contacts of any CRM", "stg_hubspot__contacts", "contact_id"),
    ("contacts of any CRM", "stg_bitrix24__contacts", "contact_id"),
    ("contacts of any CRM", "stg_salesforce__contacts", "contact_id"),
    ("hubspot.companies", "stg_hubspot__companies", "company_id"),
    ("bitrix24.companies", "stg_bitrix24__companies", "company_id"),
    ("salesforce.accounts", "stg_salesforce__accounts", "account_id"),
    ("mailchimp.members", "stg_mailchimp__members", "email"),
    ("klaviyo.profiles", "stg_klaviyo__profiles", "profile_id"),
    ("unisender.contacts", "stg_unisender__contacts", "email"),
    ("ads.campaign_costs", "stg_ads__campaign_costs", "campaign_id"),
] -%}

with

listed as (

    {% for target, model, column in places %}
    select
        '{{ target }}' as target,
        {{ column }} as target_key

    from {{ ref(model) }}
    {% if not loop.last %}

    union all

    {% endif %}
    {% endfor %}

),

final as (

    select
        target,
        target_key

    from listed

    where target_key is not null

    group by
        target,
        target_key

)

select * from final
