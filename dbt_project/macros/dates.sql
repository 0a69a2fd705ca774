{# The run's logical today. No model reads the clock. #}
{% macro as_of_date() -%}
    cast('{{ var("as_of_date") }}' as date)
{%- endmacro %}

{# Whether a UTC moment lies on that day or before; the end of the day is computed once. #}
{% macro until_as_of(at) -%}
    {{ at }} < {{ utc_from_local(
        "cast(" ~ days_after(as_of_date(), 1) ~ " as timestamp)", var("business_timezone")
    ) }}
{%- endmacro %}

{# The calendar day of a UTC moment in the business time zone. #}
{% macro business_day(at) -%}
    cast({{ local_from_utc(at, var("business_timezone")) }} as date)
{%- endmacro %}
