{#-
    Source, export, the record's key, the column that refers, and what it refers to. Then
    whether a record without any reference is one too few, and whether the reference is
    personal data.
-#}
{% set references = [
    ("shopify", "orders", "order_name", "email", "shopify.customers", false, true),
    ("shopify", "orders", "order_name", "sku", "shopify.products", false, false),
    ("woocommerce", "orders", "woocommerce_order_id", "sku", "woocommerce.products", false, false),
    ("insales", "orders", "order_number", "sku", "insales.products", false, false),
    ("payments", "attempts", "payment_id", "order_name", "orders of any shop", true, false),
    ("delivery", "addresses", "request_id", "order_name", "orders of any shop", false, false),
    ("service_desk", "tickets", "ticket_id", "order_name", "orders of any shop", false, false),
    ("feedback", "messages", "message_id", "order_name", "orders of any shop", false, false),
    ("loyalty", "ledger", "operation_id", "order_name", "orders of any shop", false, false),
    ("loyalty", "ledger", "operation_id", "receipt_number", "pos.receipts", false, false),
    ("pos", "receipts", "receipt_number", "loyalty_card", "loyalty.ledger", false, true),
    ("surveys", "nps_responses", "response_id", "contact_id", "contacts of any CRM", false, false),
    ("feedback", "churn_reasons", "contact_id", "contact_id", "contacts of any CRM", false, false),
    ("bitrix24", "deals", "deal_id", "contact_id", "bitrix24.contacts", true, false),
    ("bitrix24", "deals", "deal_id", "company_id", "bitrix24.companies", false, false),
    ("salesforce", "contacts", "contact_id", "account_id", "salesforce.accounts", false, false),
    ("mailchimp", "campaign_activity", "event_id", "email", "mailchimp.members", false, true),
    ("klaviyo", "events", "event_id", "profile_id", "klaviyo.profiles", false, false),
    ("unisender", "deliveries", "message_id", "email", "unisender.contacts", false, true),
    ("sendgrid", "events", "event_id", "campaign_id", "ads.campaign_costs", false, false),
] -%}

with

hubspot_deals as (

    select * from {{ ref("stg_hubspot__deals") }}

),

deal_contacts as (

    -- the same id twice in a list is one
    select
        deal_id,
        contact_id,
        _file_id,
        _line

    from (
        select
            deal_id,
            _file_id,
            _line,
            {{ every_numbered_match("contact_ids", "[^;]+", "contact_id", "contact_number") }}

        from hubspot_deals
    ) as listed

    group by
        deal_id,
        contact_id,
        _file_id,
        _line

),

deal_companies as (

    -- the same id twice in a list is one
    select
        deal_id,
        company_id,
        _file_id,
        _line

    from (
        select
            deal_id,
            _file_id,
            _line,
            {{ every_numbered_match("company_ids", "[^;]+", "company_id", "company_number") }}

        from hubspot_deals
    ) as listed

    group by
        deal_id,
        company_id,
        _file_id,
        _line

),

final as (

    select
        'hubspot' as source,
        'deals' as export,
        deal_id as record_key,
        'contact_ids' as reference,
        'hubspot.contacts' as target,
        contact_id as reference_key,
        true as is_required,
        false as is_personal,
        _file_id,
        _line

    from deal_contacts

    union all

    select
        'hubspot' as source,
        'deals' as export,
        deal_id as record_key,
        'contact_ids' as reference,
        'hubspot.contacts' as target,
        cast(null as {{ dbt.type_string() }}) as reference_key,
        true as is_required,
        false as is_personal,
        _file_id,
        _line

    from hubspot_deals

    where contact_ids is null

    union all

    select
        'hubspot' as source,
        'deals' as export,
        deal_id as record_key,
        'company_ids' as reference,
        'hubspot.companies' as target,
        company_id as reference_key,
        false as is_required,
        false as is_personal,
        _file_id,
        _line

    from deal_companies

    {% for source_name, export, record_key, reference, target, required, personal in references %}
    union all

    select
        '{{ source_name }}' as source,
        '{{ export }}' as export,
        {{ record_key }} as record_key,
        '{{ reference }}' as reference,
        '{{ target }}' as target,
        {{ reference }} as reference_key,
        {{ required | lower }} as is_required,
        {{ personal | lower }} as is_personal,
        _file_id,
        _line

    from {{ ref("stg_" ~ source_name ~ "__" ~ export) }}

    {% endfor %}

)

select * from final
