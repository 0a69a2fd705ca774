{# Words that columns of cost reports can hold. A word is told from others by its letters alone. #}

{% macro parse_amount_unit(text) -%}
    {{ parse_word(text, ["major", "minor"]) }}
{%- endmacro %}
