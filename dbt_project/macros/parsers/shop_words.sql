{# Words that columns of shops can hold. A word is told from others by its letters alone. #}

{# True for one word, false for another. #}
{% macro parse_either(text, yes, no) -%}
    case lower(trim({{ text }}))
        when '{{ yes }}' then true
        when '{{ no }}' then false
    end
{%- endmacro %}

{% macro parse_financial_status(text) -%}
    {{ parse_word(text, [
        "paid", "partially_paid", "partially_refunded", "refunded", "pending",
        "authorized", "voided", "expired",
    ]) }}
{%- endmacro %}

{% macro parse_product_status(text) -%}
    {{ parse_word(text, ["active", "draft", "archived", "unlisted"]) }}
{%- endmacro %}

{# Whether the buyer of an abandoned checkout came back. #}
{% macro parse_is_recovered(text) -%}
    {{ parse_either(text, "recovered", "not recovered") }}
{%- endmacro %}

{# With the prefix of WooCommerce's database or without: `wc-completed`, `completed`. #}
{% macro parse_woocommerce_status(text) -%}
    {{ parse_word("replace(lower(" ~ text ~ "), 'wc-', '')", [
        "pending", "processing", "on-hold", "completed", "cancelled", "refunded",
        "failed", "checkout-draft",
    ]) }}
{%- endmacro %}

{# The first of `simple, downloadable, virtual`: what follows are traits. #}
{% macro parse_woocommerce_type(text) -%}
    {{ parse_word("split_part(" ~ text ~ ", ',', 1)", [
        "simple", "variable", "variation", "grouped", "external",
    ]) }}
{%- endmacro %}

{% macro parse_weight_unit(text) -%}
    {{ parse_word(text, ["kg", "g", "lbs", "oz"]) }}
{%- endmacro %}

{% macro parse_is_paid(text) -%}
    {{ parse_either(text, "оплачен", "не оплачен") }}
{%- endmacro %}

{#
    What became of an order: by what the shop's own status means (seeds/order_statuses.csv)
    and whether it was paid. Without money nothing can be refunded.
#}
{% macro status_of_payment(meaning, is_paid) -%}
    case
        when {{ meaning }} = 'refunded' and {{ is_paid }} then 'refunded'
        when {{ meaning }} in ('cancelled', 'refunded') then 'cancelled'
        when {{ meaning }} = 'fulfilled' and {{ is_paid }} then 'fulfilled'
        when {{ is_paid }} then 'paid'
        else 'pending'
    end
{%- endmacro %}

{# Whether a product can be seen in the shop. #}
{% macro parse_is_listed(text) -%}
    {{ parse_either(text, "выставлен", "скрыт") }}
{%- endmacro %}

{% macro parse_payment_kind(text) -%}
    {{ parse_word(text, [
        "наличные", "карта", "сбп", "сертификат", "бонусы", "смешанная",
    ]) }}
{%- endmacro %}

{# `interrupted`: nobody knows how it ended, such as after a closed window. #}
{% macro parse_payment_status(text) -%}
    {{ parse_word(text, [
        "succeeded", "failed", "canceled", "pending", "interrupted",
    ]) }}
{%- endmacro %}

{#
    Positions that 1C-Bitrix packs into one cell, `[11] Tent (1 шт)`, and their prices,
    `18 900 руб`, in the same order. Patterns are for a text `with_braces`: no two
    engines escape brackets alike.
#}
{% macro with_braces(text) -%}
    replace(replace({{ text }}, '[', '{'), ']', '}')
{%- endmacro %}

{% macro packed_position_pattern() -%}
    [{][0-9]+[}][^{}]*[(][0-9]+ шт[.]?[)]
{%- endmacro %}

{% macro packed_price_pattern() -%}
    ([0-9]+|[0-9]{1,3}( [0-9]{3})+)([.,][0-9]+)? руб[.]?
{%- endmacro %}

{% macro parse_packed_positions(text) -%}
    {%- set pattern = "(" ~ packed_position_pattern() ~ "[,;\n\r ]*)+" -%}
    case
        when {{ matches_whole(with_braces(parse_text(text)), pattern) }}
            then {{ parse_text(text) }}
    end
{%- endmacro %}

{% macro parse_packed_prices(text) -%}
    {%- set pattern = "(" ~ packed_price_pattern() ~ "[,;\n\r ]*)+" -%}
    case
        when {{ matches_whole(parse_text(text), pattern) }} then {{ parse_text(text) }}
    end
{%- endmacro %}
