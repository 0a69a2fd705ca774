{#
    The weight of a pair in bits: the logarithm to base 2 of the odds that both records
    are of one person. `model` is a match model (orchestration/lib/identity/model.py) as
    a mapping, `pair` the alias of a relation that has a column of each attribute with
    its level, and `<attribute>_rarity`: of a shared value, the logarithm of one to its
    share of all records.
#}

{% macro match_weight(model, pair) -%}
    {{ model.prior_weight }}
    {%- if "first_name" in model.attributes and "last_name" in model.attributes %}
    - case
        when
            {{ pair }}.first_name in ('same', 'short form', 'typo')
            and {{ pair }}.last_name in ('same', 'typo')
            then {{ model.namesake_bits }}
        else 0
    end
    {%- endif %}
    {%- for attribute, known in model.attributes.items() %}
    + {{ attribute_weight(attribute, known, pair) }}
    {%- endfor %}
{%- endmacro %}


{#
    What one attribute adds. A rare value that is shared weighs more than a common one;
    one that is given to one person weighs what its trust says, less when more records
    than one person has share it.
#}
{% macro attribute_weight(attribute, known, pair) -%}
    {%- set rarity = pair ~ "." ~ attribute ~ "_rarity" -%}
    case {{ pair }}.{{ attribute }}
        {%- for level, weight in known.weights.items() %}
        {%- if level == "same" and known.trusted_weight is not none %}
        when 'same' then greatest(
            {{ weight }} + {{ rarity }},
            {{ known.trusted_weight }} - 2 * greatest(0, {{ known.rarest }} - 2 - {{ rarity }})
        )
        {%- elif level == "same" %}
        when 'same' then {{ weight }} + {{ rarity }}
        {%- else %}
        when '{{ level }}' then {{ weight }}
        {%- endif %}
        {%- endfor %}
        else 0
    end
{%- endmacro %}


{# Whether something forbids the pair, whatever its weight. #}
{% macro is_vetoed(model, pair) -%}
    (
        {%- for attribute, known in model.attributes.items() if known.vetoes %}
        {{ "or " if not loop.first }}coalesce(
            {{ pair }}.{{ attribute }} in ('{{ known.vetoes | join("', '") }}'), false
        )
        {%- else %} false
        {%- endfor %}
    )
{%- endmacro %}
