{#
    How alike two records are, attribute by attribute, as the name of a level; null when
    a side says nothing. `left` and `right` are aliases of two relations of features
    (orchestration/lib/identity/features.py). Levels are listed, best first, in
    orchestration/lib/identity/attributes.py; their weights stand in the match model.

    The daily scoring and `crm360 identity match` render these outside dbt.
#}

{# Both sides' values of a column. #}
{% macro both_known(left, right, column) -%}
    {{ left }}.{{ column }} is not null and {{ right }}.{{ column }} is not null
{%- endmacro %}

{% macro same(left, right, column) -%}
    {{ left }}.{{ column }} = {{ right }}.{{ column }}
{%- endmacro %}

{% macro alike(left, right, column, least) -%}
    {{ jaro_winkler(left ~ "." ~ column, right ~ "." ~ column) }} >= {{ least }}
{%- endmacro %}

{# At most so many slips of the keyboard apart. #}
{% macro slips(left, right, column, most) -%}
    {{ edit_distance(left ~ "." ~ column, right ~ "." ~ column) }} <= {{ most }}
{%- endmacro %}

{# Whether a column of one side is a part of the whole name of the other. #}
{% macro is_part_of(one, column, other) -%}
    contains({{ other }}.name_parts, concat(' ', {{ one }}.{{ column }}, ' '))
{%- endmacro %}


{# Whether two names are those of a man and a woman: Aleksandr and Aleksandra, Mario and
   Maria. However alike, neither is a slip for the other. #}
{% macro are_of_two_genders(one, other) -%}
    {%- set ending = "(iya|ia|ya|a|es|us|iy|y|o|e)$" -%}
    (right({{ one }}, 1) = 'a') <> (right({{ other }}, 1) = 'a')
    and {{ with_pattern_replaced(one, ending, "") }}
        = {{ with_pattern_replaced(other, ending, "") }}
{%- endmacro %}

{% macro compare_first_name(left, right) -%}
    case
        when not ({{ both_known(left, right, "first_name") }}) then null
        when {{ same(left, right, "first_name") }} then 'same'
        when {{ shares_word(left ~ ".full_forms", right ~ ".full_forms") }}
            then 'short form'
        when
            (length({{ left }}.first_name) = 1 or length({{ right }}.first_name) = 1)
            and left({{ left }}.first_name, 1) = left({{ right }}.first_name, 1)
            then 'initial'
        when
            {# of full Russian names none is a slip for another: Мария and Дарья #}
            ({{ left }}.is_russian_name and {{ right }}.is_russian_name)
            or {{ are_of_two_genders(left ~ ".first_name", right ~ ".first_name") }}
            then 'differs'
        when
            {{ alike(left, right, "first_name", 0.92) }}
            or (
                length({{ left }}.first_name) > 3
                and {{ slips(left, right, "first_name", 1) }}
            )
            then 'typo'
        when
            {{ is_part_of(left, "first_name", right) }}
            or {{ is_part_of(right, "first_name", left) }}
            then 'elsewhere'
        when {{ alike(left, right, "first_name", 0.82) }} then 'similar'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_last_name(left, right) -%}
    case
        when not ({{ both_known(left, right, "last_name") }}) then null
        when {{ same(left, right, "last_name") }} then 'same'
        when
            {{ alike(left, right, "last_name", 0.94) }}
            or (
                length({{ left }}.last_name) > 3
                and {{ slips(left, right, "last_name", 1) }}
            )
            then 'typo'
        when
            {{ is_part_of(left, "last_name", right) }}
            or {{ is_part_of(right, "last_name", left) }}
            then 'elsewhere'
        when {{ alike(left, right, "last_name", 0.85) }} then 'similar'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_middle_name(left, right) -%}
    case
        when not ({{ both_known(left, right, "middle_name") }}) then null
        when {{ same(left, right, "middle_name") }} then 'same'
        when
            left({{ left }}.middle_name, 1) = left({{ right }}.middle_name, 1)
            and (
                length({{ left }}.middle_name) = 1 or length({{ right }}.middle_name) = 1
            )
            then 'initial'
        when {{ alike(left, right, "middle_name", 0.88) }} then 'similar'
        else 'differs'
    end
{%- endmacro %}


{# Keys of eight digits; zeros stand for a month or a day that is not known. #}
{% macro compare_birth_date(left, right) -%}
    {%- set l, r = left ~ ".birth_date", right ~ ".birth_date" -%}
    case
        when not ({{ both_known(left, right, "birth_date") }}) then null
        when {{ l }} = {{ r }}
            then case when right({{ l }}, 2) = '00' then 'partly' else 'same' end
        when
            left({{ l }}, 4) = left({{ r }}, 4)
            and (
                right({{ l }}, 4) = '0000'
                or right({{ r }}, 4) = '0000'
                or (
                    substr({{ l }}, 5, 2) = substr({{ r }}, 5, 2)
                    and (right({{ l }}, 2) = '00' or right({{ r }}, 2) = '00')
                )
            )
            then 'partly'
        when
            left({{ l }}, 4) = left({{ r }}, 4)
            and right({{ l }}, 2) = substr({{ r }}, 5, 2)
            and right({{ r }}, 2) = substr({{ l }}, 5, 2)
            then 'turned'
        when {{ slips(left, right, "birth_date", 1) }} then 'typo'
        when
            left({{ l }}, 6) = left({{ r }}, 6)
            or right({{ l }}, 4) = right({{ r }}, 4)
            or (
                left({{ l }}, 4) = left({{ r }}, 4)
                and right({{ l }}, 2) = right({{ r }}, 2)
            )
            then 'two parts'
        when left({{ l }}, 4) = left({{ r }}, 4) then 'same year'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_email(left, right) -%}
    case
        when not ({{ both_known(left, right, "email") }}) then null
        when {{ same(left, right, "email") }} then 'same'
        when
            {{ same(left, right, "email_digits") }}
            and {{ slips(left, right, "email", 2) }}
            then 'typo'
        when {{ same(left, right, "email_box") }} then 'same box'
        when {{ alike(left, right, "email", 0.92) }} then 'similar'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_phone(left, right) -%}
    case
        when not ({{ both_known(left, right, "phone") }}) then null
        when {{ same(left, right, "phone") }} then 'same'
        when {{ slips(left, right, "phone", 1) }} then 'typo'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_address(left, right) -%}
    case
        when not ({{ both_known(left, right, "address") }}) then null
        when {{ same(left, right, "address") }} then 'same'
        when
            {{ same(left, right, "house") }} and {{ alike(left, right, "street", 0.88) }}
            then 'typo'
        when {{ alike(left, right, "street", 0.92) }} then 'same street'
        when {{ same(left, right, "house") }} then 'same house'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_city(left, right) -%}
    case
        when not ({{ both_known(left, right, "city") }}) then null
        when {{ same(left, right, "city") }} then 'same'
        when
            {{ alike(left, right, "city", 0.9) }}
            or contains(concat(' ', {{ left }}.city, ' '), concat(' ', {{ right }}.city, ' '))
            or contains(concat(' ', {{ right }}.city, ' '), concat(' ', {{ left }}.city, ' '))
            then 'similar'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_postcode(left, right) -%}
    case
        when not ({{ both_known(left, right, "postcode") }}) then null
        when {{ same(left, right, "postcode") }} then 'same'
        when {{ slips(left, right, "postcode", 1) }} then 'typo'
        when {{ same(left, right, "postcode_area") }} then 'same area'
        else 'differs'
    end
{%- endmacro %}


{% macro compare_occupation(left, right) -%}
    case
        when not ({{ both_known(left, right, "occupation") }}) then null
        when {{ same(left, right, "occupation") }} then 'same'
        when {{ alike(left, right, "occupation", 0.88) }} then 'similar'
        else 'differs'
    end
{%- endmacro %}
