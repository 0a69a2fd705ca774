{#
    The rows of a raw export that flow: delivered, and not held back by the gate.
    For staging models only; this is where `source()` is called.
#}
{% macro accepted_rows(source_name, export) -%}
    select delivered.*
    from {{ source(source_name, export) }} as delivered
    left join {{ source("quality", "held_rows") }} as held_rows
        on held_rows._file_id = delivered._file_id
        and held_rows._line = delivered._line
        and held_rows.source = '{{ source_name }}'
        and held_rows.export = '{{ export }}'
    where held_rows._line is null
{%- endmacro %}


{# The rows of a raw export that wait in quarantine. #}
{% macro quarantined_rows(source_name, export) -%}
    select delivered.*
    from {{ source(source_name, export) }} as delivered
    inner join {{ source("quality", "held_rows") }} as held_rows
        on held_rows._file_id = delivered._file_id
        and held_rows._line = delivered._line
        and held_rows.source = '{{ source_name }}'
        and held_rows.export = '{{ export }}'
    where held_rows.verdict = 'quarantined'
{%- endmacro %}


{# A key made of several columns; null is a value of its own. #}
{% macro surrogate_key(columns) -%}
    {%- set parts = [] -%}
    {%- for column in columns -%}
        {%- do parts.append(
            "coalesce(cast(" ~ column ~ " as " ~ dbt.type_string() ~ "), '~')"
        ) -%}
    {%- endfor -%}
    {{ sha256_hex("concat(" ~ parts | join(", '|', ") ~ ")") }}
{%- endmacro %}
