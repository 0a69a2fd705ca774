{#- columns of kpi_facts that are added up; `buyers` are counted -#}
{%- set sums = [
    "orders", "orders_with_revenue", "orders_without_margin", "unpaid_orders",
    "new_customers", "new_repeat_customers", "gross_revenue", "net_revenue",
    "net_revenue_unassigned", "attributed_revenue", "known_margin",
    "attributed_known_margin", "cost",
] -%}
{%- set words = ["case", "when", "then", "end", "buyers"] -%}

with

metrics as (

    select * from {{ ref("metric_formulas") }}

),

quotients as (

    select
        metrics.*,
        -- what single orders and costs do not tell is left over as a word
        {{ matches(
            with_pattern_replaced(
                "concat(numerator, ' ', coalesce(denominator, ''))",
                "\\b(" ~ (sums + words) | join("|") ~ ")\\b",
                ""
            ),
            "[a-z]"
        ) }} as is_about_periods,
        case
            when denominator is null then numerator
            else concat('(', numerator, ') / nullif(', denominator, ', 0)')
        end as quotient

    from metrics

),

aggregates as (

    select
        quotients.*,
        replace(
            {{ with_pattern_replaced(
                "quotient", "\\b(" ~ sums | join("|") ~ ")\\b", "sum(\\1)"
            ) }},
            'buyers',
            'count(distinct buyer_id)'
        ) as aggregate

    from quotients

),

final as (

    select
        metric,
        unit,
        formula,
        numerator,
        denominator,
        rows_behind,
        case
            when is_about_periods or numerator is null
                then cast(null as {{ dbt.type_string() }})
            when unit = 'money' then concat('round(', aggregate, ', 2)')
            when unit = 'rate' then concat('round(', aggregate, ', 6)')
            else aggregate
        end as expression

    from aggregates

)

select * from final
