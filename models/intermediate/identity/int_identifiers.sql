{#- Kinds of identifiers, and the columns of a source record that hold them. -#}
{% set kinds = [
    ("email", ["email", "second_email", "third_email", "fourth_email"]),
    ("phone", ["phone", "second_phone", "third_phone", "fourth_phone", "fifth_phone"]),
    ("loyalty_card", ["loyalty_card"]),
    ("crm_id", ["crm_id", "merged_crm_id"]),
    ("shop_customer_id", ["shop_customer_id"]),
    ("client_id", ["client_id", "second_client_id"]),
    ("social_link", ["social_link"]),
] -%}

with

records as (

    select * from {{ ref("int_source_records") }}

),

final as (

    {% for kind, columns in kinds %}
    {% set is_last_kind = loop.last %}
    {% for column in columns %}
    select
        source,
        export,
        record_id,
        '{{ kind }}' as identifier_type,
        {{ column }} as identifier_value,
        {% if kind == "email" %}
        {{ email_match_key(column) }} as match_key,
        {% elif kind == "social_link" %}
        {{ social_link_match_key(column) }} as match_key,
        {% else %}
        {{ column }} as match_key,
        {% endif %}
        first_seen_at,
        last_seen_at

    from records

    where
        {{ column }} is not null
        {% for earlier in columns[:loop.index0] %}
        and ({{ earlier }} is null or {{ earlier }} <> {{ column }})
        {% endfor %}

    {% if not (is_last_kind and loop.last) %}
    union all

    {% endif %}
    {% endfor %}
    {% endfor %}

)

select * from final
