{# Money is decimal(38, 6) until a mart rounds it, once, half away from zero. #}
{% macro money(amount) -%}
    {{ in_hundredths(amount) }}
{%- endmacro %}

{# A sum of amounts that stays a decimal(38, 6); null over no rows. #}
{% macro sum_amount(amount) -%}
    cast(sum({{ amount }}) as decimal(38, 6))
{%- endmacro %}

{#
    An amount shared among so many, rounded once, half away from zero; null among none.
    In whole numbers, since engines divide decimals through floating point; that is slow,
    so nothing is divided where there is nothing to divide.
#}
{% macro money_per(amount, count) -%}
    case
        when {{ count }} > 0 and {{ amount }} is not null
            then {{ hundredths_of(
                amount,
                "2 * " ~ millionths("abs(" ~ amount ~ ")") ~ " + 10000 * " ~ count,
                "20000 * " ~ count
            ) }}
    end
{%- endmacro %}

{# The same where those who share may be counted in part, to six digits. #}
{% macro money_per_share(amount, shares) -%}
    case
        when {{ shares }} > 0 and {{ amount }} is not null
            then {{ hundredths_of(
                amount,
                "200 * " ~ millionths("abs(" ~ amount ~ ")") ~ " + " ~ millionths(shares),
                "2 * " ~ millionths(shares)
            ) }}
    end
{%- endmacro %}

{# The whole part of a quotient in hundredths, with the sign of the amount. #}
{% macro hundredths_of(amount, dividend, divisor) -%}
    cast(
        sign({{ amount }}) * {{ whole_quotient(dividend, divisor) }}
        * cast(0.01 as decimal(3, 2))
        as decimal(18, 2)
    )
{%- endmacro %}

{# An amount as a whole number. #}
{% macro millionths(amount) -%}
    cast(cast({{ amount }} as decimal(38, 6)) * 1000000 as decimal(38, 0))
{%- endmacro %}

{# What one piece costs of so many for an amount: six digits, through double. #}
{% macro unit_price(amount, quantity) -%}
    cast(
        round(cast({{ amount }} as double) / nullif(cast({{ quantity }} as double), 0), 6)
        as decimal(38, 6)
    )
{%- endmacro %}

{# A fraction; null where the denominator is zero. Six digits, through double. #}
{% macro ratio(numerator, denominator) -%}
    cast(
        round(
            cast({{ numerator }} as double) / nullif(cast({{ denominator }} as double), 0),
            6
        ) as decimal(18, 6)
    )
{%- endmacro %}

{# 1 to 5 from a rank among so many, equal ranks alike. #}
{% macro quintile(ranking, total) -%}
    cast(1 + floor(5 * cast({{ ranking }} - 1 as double) / {{ total }}) as integer)
{%- endmacro %}

{# An amount at a rate. Products of so many digits are slow, and most are of the base currency. #}
{% macro converted(amount, rate) -%}
    case
        when {{ rate }} = 1 then {{ amount }}
        else cast({{ amount }} * {{ rate }} as decimal(38, 6))
    end
{%- endmacro %}


{#
    What a row gets of an amount that is shared out by weight: the rounded share up to
    this row less the rounded share up to the row before, so that shares are of so many
    digits and sum to the amount itself. `total` and `to_here` are sums of weights;
    `is_last` is true for the last row, `window` that of the rows in their order.
#}
{% macro share_out(amount, to_here, total, is_last, window, digits=2) -%}
    {%- set rounded -%}
        case
            when {{ is_last }} then cast({{ amount }} as decimal(18, {{ digits }}))
            else cast(
                round(cast({{ amount }} as double) * {{ to_here }} / {{ total }}, {{ digits }})
                as decimal(18, {{ digits }})
            )
        end
    {%- endset -%}
    cast(
        {{ rounded }} - coalesce(lag({{ rounded }}) over ({{ window }}), 0)
        as decimal(18, {{ digits }})
    )
{%- endmacro %}
