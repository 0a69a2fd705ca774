{# Words that columns of cost reports can hold. A word is told from others by its letters alone. #}

{% macro parse_amount_unit(text) -%}
    {{ parse_word(text, ["major", "minor"]) }}
{%- endmacro %}

{# An American amount, where two dashes say that there is none: ` --`. #}
{% macro parse_dashed_amount(text) -%}
    case
        when trim({{ text }}) = '--' then cast(0 as decimal(38, 6))
        else {{ parse_us_amount(text) }}
    end
{%- endmacro %}

{# What a header says of value added tax: whether the costs below include it. #}
{% macro parse_vat_included(text) -%}
    case
        when lower(trim({{ text }})) in ('с ндс', 'с учетом ндс', 'с учётом ндс') then true
        when lower(trim({{ text }})) in ('без ндс', 'без учета ндс', 'без учёта ндс')
            then false
    end
{%- endmacro %}
