{#
    What DuckDB and Spark spell differently, one macro each. Models use these and
    plain SQL; tests/architecture checks that they use nothing else. Another engine
    is another `<engine>__` variant in this file.
#}

{% macro try_cast_as(text, type) -%}
    {{ adapter.dispatch('try_cast_as')(text, type) }}
{%- endmacro %}

{% macro duckdb__try_cast_as(text, type) -%}
    {%- if type == "decimal(38, 6)" -%}
    {#- Fifty times as fast for numbers that fit into 64 bits, as nearly all do. -#}
    coalesce(
        cast(try_cast({{ text }} as decimal(18, 6)) as decimal(38, 6)),
        try_cast({{ text }} as decimal(38, 6))
    )
    {%- else -%}
    try_cast({{ text }} as {{ type }})
    {%- endif -%}
{%- endmacro %}


{# The value where it is as the condition says (`>= 0`), else null. #}
{% macro kept_if(value, condition) -%}
    {{ adapter.dispatch('kept_if')(value, condition) }}
{%- endmacro %}

{% macro duckdb__kept_if(value, condition) -%}
    {#- A `case` or `nullif` would compute the value twice. -#}
    list_transform([{{ value }}], lambda v: case when v {{ condition }} then v end)[1]
{%- endmacro %}


{# Whether the whole text matches the pattern. #}
{% macro matches_whole(text, pattern) -%}
    {{ adapter.dispatch('matches_whole')(text, pattern) }}
{%- endmacro %}

{% macro duckdb__matches_whole(text, pattern) -%}
    regexp_full_match({{ text }}, '{{ pattern }}')
{%- endmacro %}


{# Whether the pattern occurs anywhere in the text. #}
{% macro matches(text, pattern) -%}
    {{ adapter.dispatch('matches')(text, pattern) }}
{%- endmacro %}

{% macro duckdb__matches(text, pattern) -%}
    regexp_matches({{ text }}, '{{ pattern }}')
{%- endmacro %}


{# The text with every match of the pattern replaced. #}
{% macro with_pattern_replaced(text, pattern, replacement) -%}
    {{ adapter.dispatch('with_pattern_replaced')(text, pattern, replacement) }}
{%- endmacro %}

{% macro duckdb__with_pattern_replaced(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}


{# Damaged files carry the character with the code 0; no text means it. #}
{% macro without_nuls(text) -%}
    {{ adapter.dispatch('without_nuls')(text) }}
{%- endmacro %}

{% macro duckdb__without_nuls(text) -%}
    replace({{ text }}, chr(0), '')
{%- endmacro %}


{# Letters with their marks in one character (NFC), whichever way they were typed. #}
{% macro composed(text) -%}
    {{ adapter.dispatch('composed')(text) }}
{%- endmacro %}

{% macro duckdb__composed(text) -%}
    nfc_normalize({{ text }})
{%- endmacro %}


{% macro without_leading_apostrophes(text) -%}
    {{ adapter.dispatch('without_leading_apostrophes')(text) }}
{%- endmacro %}

{% macro duckdb__without_leading_apostrophes(text) -%}
    ltrim({{ text }}, '''')
{%- endmacro %}


{# The naive timestamp that a text states in one of the formats (strptime), or null. #}
{% macro timestamp_from_text(text, formats) -%}
    {{ adapter.dispatch('timestamp_from_text')(text, formats) }}
{%- endmacro %}

{% macro duckdb__timestamp_from_text(text, formats) -%}
    {#- %Y reads `14.03.26` as the year 26: no such text is a date here. -#}
    {{ kept_if(strptime_within(text, formats), ">= timestamp '1000-01-01'") }}
{%- endmacro %}


{# As above for formats with an offset (%z): the moment in UTC, as naive timestamp. #}
{% macro utc_from_offset_text(text, formats) -%}
    {{ adapter.dispatch('utc_from_offset_text')(text, formats) }}
{%- endmacro %}

{% macro duckdb__utc_from_offset_text(text, formats) -%}
    timezone('UTC', {{ kept_if(strptime_within(text, formats), ">= timestamptz '1000-01-01'") }})
{%- endmacro %}


{#
    DuckDB's try_strptime reads on behind a text that is too short or blank, and ends the
    process where no memory follows. A mark that no other part of a format matches stops it.
#}
{% macro strptime_within(text, formats) -%}
    try_strptime(concat({{ text }}, ' ~'), ['{{ formats | join(" ~', '") }} ~'])
{%- endmacro %}


{# The moment so many seconds after 1970-01-01, in UTC, as naive timestamp. #}
{% macro utc_from_unix(seconds) -%}
    {{ adapter.dispatch('utc_from_unix')(seconds) }}
{%- endmacro %}

{% macro duckdb__utc_from_unix(seconds) -%}
    make_timestamp(cast({{ seconds }} as bigint) * 1000000)
{%- endmacro %}


{# A naive local timestamp as naive UTC, and back. #}
{% macro utc_from_local(at, time_zone) -%}
    {{ adapter.dispatch('utc_from_local')(at, time_zone) }}
{%- endmacro %}

{% macro duckdb__utc_from_local(at, time_zone) -%}
    timezone('UTC', timezone('{{ time_zone }}', {{ at }}))
{%- endmacro %}

{% macro local_from_utc(at, time_zone) -%}
    {{ adapter.dispatch('local_from_utc')(at, time_zone) }}
{%- endmacro %}

{% macro duckdb__local_from_utc(at, time_zone) -%}
    timezone('{{ time_zone }}', timezone('UTC', {{ at }}))
{%- endmacro %}


{# A decimal(38, 6) as decimal(18, 2), rounded half away from zero. #}
{% macro in_hundredths(amount) -%}
    {{ adapter.dispatch('in_hundredths')(amount) }}
{%- endmacro %}

{% macro duckdb__in_hundredths(amount) -%}
    {#- Twenty times as fast for numbers that fit into 64 bits, as nearly all do. -#}
    coalesce(
        cast(round(try_cast({{ amount }} as decimal(18, 6)), 2) as decimal(18, 2)),
        cast(round({{ amount }}, 2) as decimal(18, 2))
    )
{%- endmacro %}


{# A decimal of up to nine digits after the point as decimal(38, 6), rounded likewise. #}
{% macro in_millionths(amount) -%}
    {{ adapter.dispatch('in_millionths')(amount) }}
{%- endmacro %}

{% macro duckdb__in_millionths(amount) -%}
    coalesce(
        cast(try_cast({{ amount }} as decimal(18, 9)) as decimal(38, 6)),
        cast({{ amount }} as decimal(38, 6))
    )
{%- endmacro %}


{# The whole part of a quotient of whole numbers, as decimal(38, 0). #}
{% macro whole_quotient(dividend, divisor) -%}
    {{ adapter.dispatch('whole_quotient')(dividend, divisor) }}
{%- endmacro %}

{% macro duckdb__whole_quotient(dividend, divisor) -%}
    cast(cast({{ dividend }} as hugeint) // cast({{ divisor }} as hugeint) as decimal(38, 0))
{%- endmacro %}


{# Whole days from the first date to the second. #}
{% macro days_between(first, second) -%}
    {{ adapter.dispatch('days_between')(first, second) }}
{%- endmacro %}

{% macro duckdb__days_between(first, second) -%}
    date_diff('day', {{ first }}, {{ second }})
{%- endmacro %}


{# The date so many days after another. #}
{% macro days_after(day, count) -%}
    {{ adapter.dispatch('days_after')(day, count) }}
{%- endmacro %}

{% macro duckdb__days_after(day, count) -%}
    cast({{ day }} + cast({{ count }} as integer) as date)
{%- endmacro %}


{# First day of the month; whole months between two such days; one month series. #}
{% macro month_start(day) -%}
    {{ adapter.dispatch('month_start')(day) }}
{%- endmacro %}

{% macro duckdb__month_start(day) -%}
    cast(date_trunc('month', {{ day }}) as date)
{%- endmacro %}

{% macro months_between_starts(first, second) -%}
    {{ adapter.dispatch('months_between_starts')(first, second) }}
{%- endmacro %}

{% macro duckdb__months_between_starts(first, second) -%}
    cast(date_diff('month', {{ first }}, {{ second }}) as integer)
{%- endmacro %}

{# A subquery body: one row per month start from the first to the last, inclusive. #}
{% macro month_series(first, last, column) -%}
    {{ adapter.dispatch('month_series')(first, last, column) }}
{%- endmacro %}

{% macro duckdb__month_series(first, last, column) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 month)) as date) as {{ column }}
{%- endmacro %}


{# A subquery body: one row per day from the first to the last, inclusive. #}
{% macro day_series(first, last, column) -%}
    {{ adapter.dispatch('day_series')(first, last, column) }}
{%- endmacro %}

{% macro duckdb__day_series(first, last, column) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 day)) as date) as {{ column }}
{%- endmacro %}


{#
    First day of the period that a day lies in (`day`, `week` from Monday, `month`,
    `quarter`, `half_year`, `year`), and of the period after it.
#}
{% macro period_start(day, grain) -%}
    {{ adapter.dispatch('period_start')(day, grain) }}
{%- endmacro %}

{% macro duckdb__period_start(day, grain) -%}
    {%- if grain == "half_year" -%}
    make_date(year({{ day }}), 1 + 6 * ((month({{ day }}) - 1) // 6), 1)
    {%- else -%}
    cast(date_trunc('{{ grain }}', {{ day }}) as date)
    {%- endif -%}
{%- endmacro %}

{% macro next_period_start(day, grain) -%}
    {{ adapter.dispatch('next_period_start')(day, grain) }}
{%- endmacro %}

{% macro duckdb__next_period_start(day, grain) -%}
    {%- if grain == "half_year" -%}
    cast({{ duckdb__period_start(day, grain) }} + interval 6 month as date)
    {%- else -%}
    cast({{ duckdb__period_start(day, grain) }} + interval 1 {{ grain }} as date)
    {%- endif -%}
{%- endmacro %}


{# Seconds from the first moment to the second. #}
{% macro seconds_between(first, second) -%}
    {{ adapter.dispatch('seconds_between')(first, second) }}
{%- endmacro %}

{% macro duckdb__seconds_between(first, second) -%}
    date_diff('second', {{ first }}, {{ second }})
{%- endmacro %}


{% macro sha256_hex(text) -%}
    {{ adapter.dispatch('sha256_hex')(text) }}
{%- endmacro %}

{% macro duckdb__sha256_hex(text) -%}
    sha256({{ text }})
{%- endmacro %}


{# A number in [0, 1) made of a text, as orchestration/lib/experiments/assignment.py. #}
{% macro hash_point(text) -%}
    {{ adapter.dispatch('hash_point')(text) }}
{%- endmacro %}

{% macro duckdb__hash_point(text) -%}
    cast(cast(concat('0x', left(sha256({{ text }}), 13)) as bigint) as double) / 4503599627370496
{%- endmacro %}


{# An aggregate: the value in the row that comes first by the columns, which hold no null. #}
{% macro first_by(value, columns) -%}
    {{ adapter.dispatch('first_by')(value, columns) }}
{%- endmacro %}

{% macro duckdb__first_by(value, columns) -%}
    arg_min({{ value }}, row({{ columns | join(", ") }}))
{%- endmacro %}


{# The same of several columns (`a, b`) at once: a value with them as its fields. #}
{% macro first_row_by(values, columns) -%}
    {{ adapter.dispatch('first_row_by')(values, columns) }}
{%- endmacro %}

{% macro duckdb__first_row_by(values, columns) -%}
    arg_min(
        struct_pack(
            {%- for value in values.split(", ") -%}
            {{ value }} := {{ value }}{{ ", " if not loop.last }}
            {%- endfor -%}
        ),
        row({{ columns | join(", ") }})
    )
{%- endmacro %}


{# An aggregate: the distinct values as one text, sorted, comma-separated. #}
{% macro distinct_values_text(value) -%}
    {{ adapter.dispatch('distinct_values_text')(value) }}
{%- endmacro %}

{% macro duckdb__distinct_values_text(value) -%}
    array_to_string(list_sort(list_distinct(list({{ value }}))), ', ')
{%- endmacro %}


{# The latest non-null value at or above this row, by `order_by` within `partition_by`. #}
{% macro fill_down(value, partition_by, order_by) -%}
    {{ adapter.dispatch('fill_down')(value, partition_by, order_by) }}
{%- endmacro %}

{% macro duckdb__fill_down(value, partition_by, order_by) -%}
    last_value({{ value }} ignore nulls) over (
        partition by {{ partition_by }}
        order by {{ order_by }}
        rows between unbounded preceding and current row
    )
{%- endmacro %}


{# The first element, or the whole text when it is no JSON array. #}
{% macro first_of_json_array(text) -%}
    {{ adapter.dispatch('first_of_json_array')(text) }}
{%- endmacro %}

{% macro duckdb__first_of_json_array(text) -%}
    case
        when {{ text }} like '[%' and json_valid({{ text }})
            then json_extract_string({{ text }}, '$[0]')
        else {{ text }}
    end
{%- endmacro %}


{# The host of a URL in lower case, without `www.`; null where there is none. #}
{% macro url_host(url) -%}
    {{ adapter.dispatch('url_host')(url) }}
{%- endmacro %}

{% macro duckdb__url_host(url) -%}
    nullif(
        regexp_extract(lower({{ url }}), '^[a-z][a-z0-9+.-]*://(?:www[.])?([^/:?#]+)', 1), ''
    )
{%- endmacro %}


{# The text at a path (`$.device.category`) of a JSON text; null where there is none. #}
{% macro json_value(text, path) -%}
    {{ adapter.dispatch('json_value')(text, path) }}
{%- endmacro %}

{% macro duckdb__json_value(text, path) -%}
    case
        when json_valid({{ text }}) then json_extract_string({{ text }}, '{{ path }}')
    end
{%- endmacro %}


{#
    The text of one parameter of an event in GA4's spelling, where the type of a value
    is its name: `[{"key": "page_location", "value": {"string_value": "..."}}]`.
#}
{% macro event_parameter(text, name) -%}
    {{ adapter.dispatch('event_parameter')(text, name) }}
{%- endmacro %}

{% macro duckdb__event_parameter(text, name) -%}
    case
        when json_valid({{ text }})
            then list_filter(
                json_extract_string(
                    list_filter(
                        json_extract({{ text }}, '$[*]'),
                        lambda parameter:
                            json_extract_string(parameter, '$.key') = '{{ name }}'
                    )[1],
                    '$.value.*'
                ),
                lambda typed_value: typed_value is not null
            )[1]
    end
{%- endmacro %}


{#
    The same with the number of the place, from 1; two columns of a select list, named
    as said.
#}
{% macro every_numbered_match(text, pattern, match, number) -%}
    {{ adapter.dispatch('every_numbered_match')(text, pattern, match, number) }}
{%- endmacro %}

{% macro duckdb__every_numbered_match(text, pattern, match, number) -%}
    unnest(regexp_extract_all({{ text }}, '{{ pattern }}')) as {{ match }},
    generate_subscripts(regexp_extract_all({{ text }}, '{{ pattern }}'), 1) as {{ number }}
{%- endmacro %}


{# Likeness of two texts from 0 to 1, and the slips of the keyboard between them. #}
{% macro jaro_winkler(left, right) -%}
    {{ adapter.dispatch('jaro_winkler')(left, right) }}
{%- endmacro %}

{% macro duckdb__jaro_winkler(left, right) -%}
    jaro_winkler_similarity({{ left }}, {{ right }})
{%- endmacro %}

{% macro edit_distance(left, right) -%}
    {{ adapter.dispatch('edit_distance')(left, right) }}
{%- endmacro %}

{% macro duckdb__edit_distance(left, right) -%}
    damerau_levenshtein({{ left }}, {{ right }})
{%- endmacro %}


{# Whether two texts have a word in common. #}
{% macro shares_word(left, right) -%}
    {{ adapter.dispatch('shares_word')(left, right) }}
{%- endmacro %}

{% macro duckdb__shares_word(left, right) -%}
    list_has_any(string_split({{ left }}, ' '), string_split({{ right }}, ' '))
{%- endmacro %}
