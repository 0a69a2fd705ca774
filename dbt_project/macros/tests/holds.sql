{# A statement about every row; the test returns the rows for which it is not true. #}
{% test holds(model, statement) %}
    select *
    from {{ model }}
    where not coalesce({{ statement }}, false)
{% endtest %}
