{#- Source, export, the column with a default, and the flag that says where. -#}
{% set defaults = [
    ("hubspot", "deals", "currency", "is_currency_imputed"),
    ("hubspot", "companies", "currency", "is_currency_imputed"),
    ("salesforce", "accounts", "currency", "is_currency_imputed"),
    ("feedback", "churn_reasons", "churn_reason", "is_churn_reason_imputed"),
    ("feedback", "messages", "feedback_kind", "is_feedback_kind_imputed"),
    ("feedback", "messages", "is_contact_allowed", "is_contact_allowed_imputed"),
    ("service_desk", "tickets", "status", "is_status_imputed"),
    ("messaging", "deliveries", "segment_count", "is_segment_count_imputed"),
    ("surveys", "nps_responses", "touchpoint", "is_touchpoint_imputed"),
    ("payments", "attempts", "status", "is_status_imputed"),
    ("call_centre", "calls", "duration_seconds", "is_duration_imputed"),
    ("site", "page_views", "event_kind", "is_event_kind_imputed"),
] -%}

with

orders as (

    select * from {{ ref("int_orders") }}

),

flagged as (

    {% for column in ["status", "discount", "refund"] %}
    select
        source,
        export,
        '{{ column }}{{ "_amount" if column != "status" }}' as column_name,
        is_{{ column }}_imputed as is_imputed

    from orders

    union all

    {% endfor %}
    {% for source_name, export, column, flag in defaults %}
    select
        '{{ source_name }}' as source,
        '{{ export }}' as export,
        '{{ column }}' as column_name,
        {{ flag }} as is_imputed

    from {{ ref("stg_" ~ source_name ~ "__" ~ export) }}
    {% if not loop.last %}

    union all

    {% endif %}
    {% endfor %}

),

counted as (

    select
        source,
        export,
        column_name,
        count(*) as row_count,
        sum(case when is_imputed then 1 else 0 end) as imputed_count

    from flagged

    group by
        source,
        export,
        column_name

),

final as (

    select
        source,
        export,
        column_name,
        row_count,
        cast(imputed_count as bigint) as imputed_count,
        {{ ratio("imputed_count", "row_count") }} as imputed_share

    from counted

)

select * from final
