{# Words that columns of CRMs can hold. A word is told from others by its letters alone. #}

{#
    `14.03.2026 09:14:59` as written by amoCRM; a deal that is not closed yet (`не закрыта`)
    closes at the end of time.
#}
{% macro parse_closing_timestamp(text) -%}
    case
        when lower(trim({{ text }})) = 'не закрыта' then {{ end_of_time() }}
        else {{ parse_day_first_local_timestamp(text) }}
    end
{%- endmacro %}

{% macro end_of_time() -%}
    cast('9999-12-31 00:00:00' as timestamp)
{%- endmacro %}

{# A currency by its code, or by the name that Bitrix24 shows for it. #}
{% macro parse_named_currency(text) -%}
    case lower(trim({{ text }}))
        when 'российский рубль' then 'RUB'
        when 'рубль' then 'RUB'
        when 'доллар сша' then 'USD'
        when 'евро' then 'EUR'
        when 'казахстанский тенге' then 'KZT'
        when 'тенге' then 'KZT'
        when 'белорусский рубль' then 'BYN'
        else {{ parse_currency(text) }}
    end
{%- endmacro %}

{#
    What has become of a deal, by the stages that its CRM ends deals with. Where a team has
    renamed those, a closed deal is neither won nor lost.
#}
{% macro deal_status(stage, won, lost, is_closed) -%}
    case
        when lower({{ stage }}) in ('{{ won | join("', '") }}') then 'won'
        when lower({{ stage }}) in ('{{ lost | join("', '") }}') then 'lost'
        when {{ is_closed }} then 'closed'
        else 'open'
    end
{%- endmacro %}
