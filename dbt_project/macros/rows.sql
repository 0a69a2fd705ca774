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
    where
        held_rows._line is null
        and not coalesce(delivered._is_superseded, false)
{%- endmacro %}


{#
    Of each thing that a raw export is about, its newest accepted row. With `deletions`
    (exports that are delivered in full), `_deleted_at` says when a full delivery first
    lacked it. Null while it is there. Of several rows in one file the one with the
    greatest `changed_at` counts (SQL on `accepted`), else the last.
#}
{% macro latest_rows(source_name, export, columns, deletions=false, changed_at=none) -%}
    select
        {% if deletions -%}
        deleted_keys.deleted_at as _deleted_at,
        {% endif -%}
        newest_first.*
    from (
        select
            accepted.*,
            row_number() over (
                partition by {{ row_key("accepted", columns) }}
                order by
                    accepted._delivery desc,
                    {% if changed_at -%}
                    {{ changed_at }} desc nulls last,
                    {% endif -%}
                    accepted._line desc
            ) as _recency
        from ({{ accepted_rows(source_name, export) }}) as accepted
    ) as newest_first
    {% if deletions -%}
    left join {{ source("quality", "deleted_keys") }} as deleted_keys
        on deleted_keys.source = '{{ source_name }}'
        and deleted_keys.export = '{{ export }}'
        and deleted_keys.row_key = {{ row_key("newest_first", columns) }}
    {% endif -%}
    where newest_first._recency = 1
{%- endmacro %}


{#
    Of each fact that a raw export tells, its first accepted row: providers deliver
    events at least once, and the same event twice is one.
#}
{% macro first_rows(source_name, export, columns) -%}
    select first_first.*
    from (
        select
            accepted.*,
            row_number() over (
                partition by {{ row_key("accepted", columns) }}
                order by accepted._delivery asc, accepted._line asc
            ) as _repetition
        from ({{ accepted_rows(source_name, export) }}) as accepted
    ) as first_first
    where first_first._repetition = 1
{%- endmacro %}


{#
    Which stages every deal of a raw export was seen in, and when it had been changed in
    the first delivery that shows it there. Takes SQL over `accepted`.
#}
{% macro seen_stages(source_name, deal_id, stage, changed_at) -%}
    select
        seen.deal_id,
        seen.stage,
        min(seen.changed_at) as first_seen_at
    from (
        select
            {{ deal_id }} as deal_id,
            -- a label may have the pipeline behind it, in brackets
            split_part(lower({{ stage }}), ' (', 1) as stage,
            {{ changed_at }} as changed_at
        from ({{ accepted_rows(source_name, "deals") }}) as accepted
    ) as seen
    where
        seen.deal_id is not null
        and seen.stage is not null
    group by
        seen.deal_id,
        seen.stage
{%- endmacro %}


{# The file and the line of a row: the cheapest key there is. #}
{% macro place(relation=none) -%}
    {%- set prefix = relation ~ "." if relation else "" -%}
    concat({{ prefix }}_file_id, ':', cast({{ prefix }}_line as {{ dbt.type_string() }}))
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
