{#
    What a row says of a person, as columns that all source records have in common. What
    is not named is null. Of several addresses and numbers the first is the one to be
    alike by; all of them identify. An id is unique within its system only: its value
    carries the system's name, `woocommerce:123`.
#}
{% macro source_record(source_name, export) -%}
    {%- set text = dbt.type_string() -%}
    {%- set columns = [
        ("record_id", text),
        ("first_name", text), ("last_name", text),
        ("email", text), ("phone", text), ("second_phone", text),
        ("city", text), ("country", text), ("birth_date", "date"),
        ("first_seen_at", "timestamp"), ("last_seen_at", "timestamp"),
        ("deleted_at", "timestamp"),
        ("second_email", text), ("third_email", text), ("fourth_email", text),
        ("third_phone", text), ("fourth_phone", text), ("fifth_phone", text),
        ("loyalty_card", text), ("crm_id", text), ("merged_crm_id", text),
        ("shop_customer_id", text), ("client_id", text), ("second_client_id", text),
        ("social_link", text),
    ] -%}
    '{{ source_name }}' as source,
    '{{ export }}' as export,
    {%- for column, type in columns %}
    {%- if column in kwargs %}
    {{ kwargs[column] }} as {{ column }},
    {%- else %}
    cast(null as {{ type }}) as {{ column }},
    {%- endif %}
    {%- endfor %}
    _file_id,
    _line
{%- endmacro %}


{#
    Whether a source record says who it is about. A device alone does not: anybody may
    sit before it.
#}
{% macro names_somebody() -%}
    coalesce(
        email, second_email, third_email, fourth_email,
        phone, second_phone, third_phone, fourth_phone, fifth_phone,
        loyalty_card, crm_id, merged_crm_id, shop_customer_id, social_link
    ) is not null
{%- endmacro %}


{#
    Two words are first and last name; of more nobody knows which is which, they are all
    the last name. A lone word is taken for the last name, or where people are asked how
    to call them, for the first (`is_lone_first`).
#}
{% macro first_of_full_name(name, is_lone_first=false) -%}
    case
        {%- if is_lone_first %}
        when {{ name }} not like '% %' then {{ name }}
        {%- endif %}
        when {{ name }} not like '% % %' and {{ name }} like '% %'
            then split_part({{ name }}, ' ', 1)
    end
{%- endmacro %}

{% macro last_of_full_name(name, is_lone_first=false) -%}
    case
        {%- if is_lone_first %}
        when {{ name }} not like '% %' then null
        {%- endif %}
        when {{ name }} not like '% % %' and {{ name }} like '% %'
            then split_part({{ name }}, ' ', 2)
        else {{ name }}
    end
{%- endmacro %}
