{#
    What two spellings of one address have in common. For matching only: mail goes to
    the address as it was delivered.
#}

{# Gmail ignores dots, Yandex takes a dot for a hyphen, both own several domains; what
   follows a plus is a label everywhere. #}
{% macro email_match_key(email) -%}
    {%- set box = "coalesce(nullif(split_part(split_part(" ~ email ~ ", '@', 1), '+', 1), ''),"
        ~ " split_part(" ~ email ~ ", '@', 1))" -%}
    {%- set domain = "split_part(" ~ email ~ ", '@', 2)" -%}
    case
        when {{ domain }} in ('gmail.com', 'googlemail.com')
            then concat(replace({{ box }}, '.', ''), '@gmail.com')
        when {{ domain }} in (
            'yandex.ru', 'ya.ru', 'yandex.com', 'yandex.by', 'yandex.kz', 'yandex.ua'
        )
            then concat(replace({{ box }}, '.', '-'), '@yandex.ru')
        else concat({{ box }}, '@', {{ domain }})
    end
{%- endmacro %}


{# A profile's address without what browsers and people add to it or leave out. #}
{% macro social_link_match_key(link) -%}
    {{ with_pattern_replaced(
        "lower(trim(" ~ link ~ "))",
        "^(https?://)?((www|m)[.])?|/*([?#].*)?$", ""
    ) }}
{%- endmacro %}
