{# The run's logical today. No model reads the clock. #}
{% macro as_of_date() -%}
    cast('{{ var("as_of_date") }}' as date)
{%- endmacro %}

{# The calendar day of a UTC moment in the business time zone. #}
{% macro business_day(at) -%}
    cast({{ local_from_utc(at, var("business_timezone")) }} as date)
{%- endmacro %}
