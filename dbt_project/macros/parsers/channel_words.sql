{# Words that columns of messages can hold. A word is told from others by its letters alone. #}

{% macro parse_message_event(text) -%}
    {{ parse_word(text, [
        "processed", "deferred", "delivered", "open", "click", "bounce", "dropped",
        "spamreport", "unsubscribe", "group_unsubscribe", "group_resubscribe",
    ]) }}
{%- endmacro %}
