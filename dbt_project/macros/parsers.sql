{#
    The one definition of a valid cell: a text is valid when its parser gives a value.
    Staging models call these, and the gate renders the same text for its rules
    (orchestration/lib/quality/sql_macros.py), so that a model and a suite cannot
    disagree. Every parser maps null to null.
#}

{# Without outer spaces, no-break spaces as spaces; an empty text is null. #}
{% macro parse_text(text) -%}
    nullif(trim(replace({{ text }}, '{{ "\u00a0" }}', ' ')), '')
{%- endmacro %}

{# Spreadsheet-safe ids, telephone numbers and zip codes start with an apostrophe. #}
{% macro parse_id(text) -%}
    nullif({{ without_leading_apostrophes("trim(" ~ text ~ ")") }}, '')
{%- endmacro %}

{% macro parse_integer(text) -%}
    case
        when {{ matches_whole("trim(" ~ text ~ ")", "[+-]?[0-9]+") }}
            then {{ try_cast_as("trim(" ~ text ~ ")", "bigint") }}
    end
{%- endmacro %}

{# An amount with a decimal point and no thousands separators: 1234.5, -0.99. #}
{% macro parse_amount(text) -%}
    case
        when {{ matches_whole("trim(" ~ text ~ ")", "[+-]?[0-9]+([.][0-9]+)?") }}
            then {{ try_cast_as("trim(" ~ text ~ ")", "decimal(38, 6)") }}
    end
{%- endmacro %}

{# An amount of zero or more. #}
{% macro parse_unsigned_amount(text) -%}
    case when {{ parse_amount(text) }} >= 0 then {{ parse_amount(text) }} end
{%- endmacro %}

{# An amount above zero. #}
{% macro parse_positive_amount(text) -%}
    case when {{ parse_amount(text) }} > 0 then {{ parse_amount(text) }} end
{%- endmacro %}

{% macro parse_positive_integer(text) -%}
    case when {{ parse_integer(text) }} > 0 then {{ parse_integer(text) }} end
{%- endmacro %}

{% macro parse_boolean(text) -%}
    case lower(trim({{ text }}))
        when 'yes' then true
        when 'true' then true
        when 'no' then false
        when 'false' then false
    end
{%- endmacro %}

{% macro parse_currency(text) -%}
    case
        when {{ matches_whole("upper(trim(" ~ text ~ "))", "[A-Z]{3}") }}
            then upper(trim({{ text }}))
    end
{%- endmacro %}

{# `2026-03-14` #}
{% macro parse_date(text) -%}
    cast({{ timestamp_from_text(text, ["%Y-%m-%d"]) }} as date)
{%- endmacro %}

{# `2026-03-14 09:14`, local time of the business; the moment in UTC. #}
{% macro parse_local_timestamp(text) -%}
    {{ utc_from_local(
        timestamp_from_text(text, ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]),
        var("business_timezone")
    ) }}
{%- endmacro %}

{# `3/14/2026 9:14`, month first, local time of the business; the moment in UTC. #}
{% macro parse_us_local_timestamp(text) -%}
    {{ utc_from_local(
        timestamp_from_text(text, ["%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S"]),
        var("business_timezone")
    ) }}
{%- endmacro %}

{# `2026-03-14 09:14:00` in UTC. #}
{% macro parse_utc_timestamp(text) -%}
    {{ timestamp_from_text(text, ["%Y-%m-%d %H:%M:%S"]) }}
{%- endmacro %}

{# `2026-03-14 09:14:00 +0300`; the moment in UTC. #}
{% macro parse_offset_timestamp(text) -%}
    {{ utc_from_offset_text(text, ["%Y-%m-%d %H:%M:%S %z"]) }}
{%- endmacro %}

{# Seconds since 1970-01-01; the moment in UTC. #}
{% macro parse_unix_timestamp(text) -%}
    case
        when {{ matches_whole(text, "[0-9]{9,10}") }}
            then {{ utc_from_unix(text) }}
    end
{%- endmacro %}

{# A known word of a list, in lower case. #}
{% macro parse_word(text, words) -%}
    case
        when lower(trim({{ text }})) in ('{{ words | join("', '") }}')
            then lower(trim({{ text }}))
    end
{%- endmacro %}

{% macro parse_financial_status(text) -%}
    {{ parse_word(text, [
        "paid", "partially_paid", "partially_refunded", "refunded", "pending",
        "authorized", "voided", "expired",
    ]) }}
{%- endmacro %}

{% macro parse_message_event(text) -%}
    {{ parse_word(text, [
        "processed", "deferred", "delivered", "open", "click", "bounce", "dropped",
        "spamreport", "unsubscribe", "group_unsubscribe", "group_resubscribe",
    ]) }}
{%- endmacro %}

{% macro parse_amount_unit(text) -%}
    {{ parse_word(text, ["major", "minor"]) }}
{%- endmacro %}
