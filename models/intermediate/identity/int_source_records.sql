{% set exports = [
    "amocrm__deals",
    "bitrix24__contacts",
    "bitrix24__deals",
    "bitrix_shop__orders",
    "call_centre__calls",
    "delivery__addresses",
    "feedback__churn_reasons",
    "feedback__messages",
    "ga4__events",
    "hubspot__contacts",
    "insales__orders",
    "klaviyo__profiles",
    "loyalty__ledger",
    "mailchimp__members",
    "online_retail__invoice_lines",
    "pos__receipts",
    "questionnaires__answers",
    "salesforce__contacts",
    "service_desk__tickets",
    "shopify__abandoned_checkouts",
    "shopify__customers",
    "shopify__orders",
    "site__page_views",
    "surveys__nps_responses",
    "unisender__contacts",
    "woocommerce__orders",
] -%}

with

final as (

    {% for export in exports %}
    select * from {{ ref("int_records__" ~ export) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

)

select * from final
