{# Words that columns of shops can hold. A word is told from others by its letters alone. #}

{% macro parse_financial_status(text) -%}
    {{ parse_word(text, [
        "paid", "partially_paid", "partially_refunded", "refunded", "pending",
        "authorized", "voided", "expired",
    ]) }}
{%- endmacro %}
