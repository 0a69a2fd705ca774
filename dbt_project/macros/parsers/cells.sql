{#
    The one definition of a valid cell: a text is valid when its parser gives a value.
    Staging models call these, and the gate renders the same text for its rules
    (orchestration/lib/quality/sql_macros.py), so that a model and a suite cannot
    disagree. Every parser maps null to null.
#}

{# Without outer spaces and NULs, no-break spaces as spaces; an empty text is null. #}
{% macro parse_text(text) -%}
    {%- set bare = "trim(replace(" ~ without_nuls(text) ~ ", '\u00a0', ' '))" -%}
    {{ kept_if(bare, "<> ''") }}
{%- endmacro %}

{# A name of a person or a place, as a text; й is one letter, not и and a breve. #}
{% macro parse_name(text) -%}
    {{ composed(parse_text(text)) }}
{%- endmacro %}

{#
    Spreadsheet-safe ids, telephone numbers and zip codes start with an apostrophe; what
    a spreadsheet took for a number comes back as `1673005251.0`.
#}
{% macro parse_id(text) -%}
    {%- set bare = without_leading_apostrophes("trim(" ~ without_nuls(text) ~ ")") -%}
    nullif(
        case
            when {{ matches_whole(bare, "[0-9]+[.]0") }} then split_part({{ bare }}, '.', 1)
            else {{ bare }}
        end,
        ''
    )
{%- endmacro %}

{# What a row is about, as one text: the contract's `row_key` columns of a relation. #}
{% macro row_key(relation, columns) -%}
    {%- if columns | length == 1 -%}
        {{ parse_id(relation ~ "." ~ columns[0]) }}
    {%- else -%}
        concat(
            {%- for column in columns -%}
                coalesce({{ parse_id(relation ~ "." ~ column) }}, '')
                {{- ", '|', " if not loop.last }}
            {%- endfor -%}
        )
    {%- endif -%}
{%- endmacro %}

{#
    A number where the text, but for outer spaces, is as the pattern says. Few texts have
    any, and to look for them first takes as long as all the rest.
#}
{% macro bare_number(text, pattern, type) -%}
    {%- set bare = "trim(" ~ text ~ ")" -%}
    case
        when {{ matches_whole(text, pattern) }} then {{ try_cast_as(text, type) }}
        when {{ matches_whole(bare, pattern) }} then {{ try_cast_as(bare, type) }}
    end
{%- endmacro %}

{% macro parse_integer(text) -%}
    {{ bare_number(text, "[+-]?[0-9]+", "bigint") }}
{%- endmacro %}

{# An amount with a decimal point and no thousands separators: 1234.5, -0.99. #}
{% macro parse_amount(text) -%}
    {{ bare_number(text, "[+-]?[0-9]+([.][0-9]+)?", "decimal(38, 6)") }}
{%- endmacro %}

{#
    An amount with commas between groups of three, and a currency sign or none:
    `$1,234.56`, `1,204`, `-$5`.
#}
{% macro parse_us_amount(text) -%}
    {%- set bare = with_pattern_replaced("trim(" ~ text ~ ")", "[$€£]| ?[A-Z]{3}$", "") -%}
    case
        when {{ matches_whole(bare, "[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]+)?") }}
            then {{ try_cast_as("replace(" ~ bare ~ ", ',', '')", "decimal(38, 6)") }}
    end
{%- endmacro %}

{#
    An amount with a decimal comma or point, spaces between groups of three, and a
    currency or none behind it: `1 234,56`, `1000 руб`, `1 234,56 €`. In such exports
    a point is a decimal one: `1.234` is little more than one.
#}
{% macro parse_spaced_amount(text) -%}
    {%- set spaced = with_pattern_replaced(text, "[\u00a0\u2009\u202f]", " ") -%}
    {%- set bare = with_pattern_replaced(
        "trim(" ~ spaced ~ ")", " ?(руб[.]?|р[.]|₽|[$€£]|[A-Z]{3})$", ""
    ) -%}
    case
        when {{ matches_whole(bare, "[+-]?([0-9]+|[0-9]{1,3}( [0-9]{3})+)([.,][0-9]+)?") }}
            then {{ try_cast_as(
                "replace(replace(" ~ bare ~ ", ' ', ''), ',', '.')", "decimal(38, 6)"
            ) }}
    end
{%- endmacro %}

{#
    An amount as one or the other of the two above writes it, where they do not differ
    on it: `1,234.56`, `1 234,56`, `12,5`, but not `1,234`.
#}
{% macro parse_either_amount(text) -%}
    case
        when
            {{ parse_us_amount(text) }} is null
            or {{ parse_us_amount(text) }} = {{ parse_spaced_amount(text) }}
            then {{ parse_spaced_amount(text) }}
        when {{ parse_spaced_amount(text) }} is null
            then {{ parse_us_amount(text) }}
    end
{%- endmacro %}

{# An amount with spaces between groups of three, of zero or more. #}
{% macro parse_unsigned_spaced_amount(text) -%}
    {{ kept_if(parse_spaced_amount(text), ">= 0") }}
{%- endmacro %}

{# An amount in hundredths of its currency, as payment providers send it: `149900`. #}
{% macro parse_minor_amount(text) -%}
    cast({{ parse_integer(text) }} * cast(0.01 as decimal(3, 2)) as decimal(38, 6))
{%- endmacro %}

{# An amount of zero or more. #}
{% macro parse_unsigned_amount(text) -%}
    {{ kept_if(parse_amount(text), ">= 0") }}
{%- endmacro %}

{# An amount above zero. #}
{% macro parse_positive_amount(text) -%}
    {{ kept_if(parse_amount(text), "> 0") }}
{%- endmacro %}

{# A whole number with commas or spaces between groups of three, or none: `18,230`. #}
{% macro parse_grouped_integer(text) -%}
    {%- set spaced = with_pattern_replaced(text, "[\u00a0\u2009\u202f]", " ") -%}
    {%- set bare = "trim(" ~ spaced ~ ")" -%}
    case
        when {{ matches_whole(
            bare, "[+-]?([0-9]+|[0-9]{1,3}((,[0-9]{3})+|( [0-9]{3})+))"
        ) }}
            then {{ try_cast_as(
                "replace(replace(" ~ bare ~ ", ' ', ''), ',', '')", "bigint"
            ) }}
    end
{%- endmacro %}

{% macro parse_positive_integer(text) -%}
    {{ kept_if(parse_integer(text), "> 0") }}
{%- endmacro %}

{% macro parse_boolean(text) -%}
    case lower(trim({{ text }}))
        when 'yes' then true
        when 'y' then true
        when 'true' then true
        when '1' then true
        when 'да' then true
        when 'no' then false
        when 'n' then false
        when 'false' then false
        when '0' then false
        when 'нет' then false
    end
{%- endmacro %}

{# Russian systems still write RUR, the code of the rouble until 1998. #}
{% macro parse_currency(text) -%}
    case
        when {{ matches_whole("upper(trim(" ~ text ~ "))", "[A-Z]{3}") }}
            then replace(upper(trim({{ text }})), 'RUR', 'RUB')
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

{# `3/14/2026 9:14` or `3/14/2026 2:30 PM`, month first, local time; the moment in UTC. #}
{% macro parse_us_local_timestamp(text) -%}
    {{ utc_from_local(
        timestamp_from_text(text, [
            "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p",
            "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S",
        ]),
        var("business_timezone")
    ) }}
{%- endmacro %}

{#
    Whoever writes the day or the month first may also write `2026-03-14`, which nobody
    can misread, and which is what the gate suggests.
#}

{# `3/14/2026`, month first. #}
{% macro parse_us_date(text) -%}
    cast({{ timestamp_from_text(text, ["%m/%d/%Y", "%Y-%m-%d"]) }} as date)
{%- endmacro %}

{# `14.03.2026`, day first. #}
{% macro parse_day_first_date(text) -%}
    cast({{ timestamp_from_text(text, ["%d.%m.%Y", "%Y-%m-%d"]) }} as date)
{%- endmacro %}

{# `14.03.2026 09:14` or `14.03.2026`, day first, local time; the moment in UTC. #}
{% macro parse_day_first_local_timestamp(text) -%}
    {{ utc_from_local(
        timestamp_from_text(text, [
            "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d.%m.%Y",
            "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
        ]),
        var("business_timezone")
    ) }}
{%- endmacro %}

{# `2026-03-14T09:14:00Z` or `2026-03-14T09:14:00.000+03:00`; the moment in UTC. #}
{% macro parse_iso_timestamp(text) -%}
    {{ utc_from_offset_text(
        "replace(replace(" ~ text ~ ", 'T', ' '), 'Z', '+00:00')",
        ["%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S.%f%z", "%Y-%m-%d %H:%M:%S %z"]
    ) }}
{%- endmacro %}

{# As above; without an offset, and with a space for the T, in UTC. #}
{% macro parse_utc_iso_timestamp(text) -%}
    coalesce(
        {{ parse_iso_timestamp(text) }},
        {{ timestamp_from_text(
            "replace(" ~ text ~ ", 'T', ' ')",
            ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"]
        ) }}
    )
{%- endmacro %}

{# `2026-03-14 09:14:00` in UTC. #}
{% macro parse_utc_timestamp(text) -%}
    {{ timestamp_from_text(text, ["%Y-%m-%d %H:%M:%S"]) }}
{%- endmacro %}

{# `2026-03-14T09:14:00.000Z`, or in UTC without an offset: `2026-03-14 09:14:00`. #}
{% macro parse_iso_or_utc_timestamp(text) -%}
    coalesce({{ parse_iso_timestamp(text) }}, {{ parse_utc_timestamp(text) }})
{%- endmacro %}

{# `2026-03-14 09:14:00 +0300`; the moment in UTC. #}
{% macro parse_offset_timestamp(text) -%}
    {{ utc_from_offset_text(text, ["%Y-%m-%d %H:%M:%S %z"]) }}
{%- endmacro %}

{# Milliseconds since 1970-01-01; the moment in UTC, to the second. #}
{% macro parse_unix_milli_timestamp(text) -%}
    case
        when {{ matches_whole(text, "[0-9]{12,13}") }}
            then {{ utc_from_unix(whole_quotient("cast(" ~ text ~ " as bigint)", "1000")) }}
    end
{%- endmacro %}

{# Microseconds since 1970-01-01; the moment in UTC, to the second. #}
{% macro parse_unix_micro_timestamp(text) -%}
    case
        when {{ matches_whole(text, "[0-9]{15,16}") }}
            then {{ utc_from_unix(whole_quotient("cast(" ~ text ~ " as bigint)", "1000000")) }}
    end
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

{# The word that a text stands for, by lists of its spellings in lower case. #}
{% macro parse_synonym(text, spellings) -%}
    case
        {%- for word, texts in spellings.items() %}
        when lower(trim({{ text }})) in ('{{ texts | join("', '") }}') then '{{ word }}'
        {%- endfor %}
    end
{%- endmacro %}
