{# Formulas that several marts share; docs/metrics.md has them in words. #}

{# What an order is counted as, by name: a condition over int_customer_orders. #}
{% macro order_count(name) -%}
    {{- {
        "orders": "is_paid",
        "orders_with_revenue": "is_paid and net_amount_base > 0",
        "orders_without_margin": "is_paid and margin_amount_base is null",
        "unpaid_orders": "not is_paid",
        "new_customers": "paid_order_number = 1",
        "new_repeat_customers": "paid_order_number = 2",
    }[name] -}}
{%- endmacro %}

{# What an order adds to an amount: a value, null where it adds nothing. #}
{% macro order_amount(name) -%}
    {%- set condition, amount = {
        "gross_revenue": ("is_paid", "gross_amount_base"),
        "net_revenue": ("is_paid", "net_amount_base"),
        "net_revenue_unassigned": (
            "is_paid and customer_id is null", "net_amount_base"
        ),
        "attributed_revenue": ("is_attributed", "net_amount_base"),
        "known_margin": ("is_paid", "margin_amount_base"),
        "attributed_known_margin": ("is_attributed", "margin_amount_base"),
    }[name] -%}
    case when {{ condition }} then {{ amount }} end
{%- endmacro %}

{#
    Sets of segments, after the import `segment_members`: `segment_sets` has the one of each
    customer, `segments` what a set is made of. A customer may be in several segments, and
    few combinations of them occur: what is counted by set need not be read per segment.
#}
{% macro segment_sets() -%}
segment_sets as (

    select
        customer_id,
        {{ distinct_values_text("segment") }} as segment_set

    from segment_members

    group by customer_id

),

segments as (

    select
        segment_sets.segment_set,
        segment_members.segment

    from segment_sets
    inner join segment_members
        on segment_members.customer_id = segment_sets.customer_id

    group by
        segment_sets.segment_set,
        segment_members.segment

)
{%- endmacro %}

{# Customers and orders may be shares where several touches are credited. #}
{% macro cac(cost, new_customers) -%}
    {{ money_per_share(cost, new_customers) }}
{%- endmacro %}

{% macro romi(earned, cost) -%}
    {{ ratio(earned ~ " - " ~ cost, cost) }}
{%- endmacro %}

{% macro revenue_per_cost(revenue, cost) -%}
    {{ ratio(revenue, cost) }}
{%- endmacro %}

{% macro aov(net_revenue, orders_with_revenue) -%}
    {{ money_per_share(net_revenue, orders_with_revenue) }}
{%- endmacro %}


{# What a net promoter score calls for; its denominator is the number of responses. #}
{% macro nps_band(numerator, responses) -%}
    case
        when {{ numerator }} < 0 then 'urgent'
        when {{ numerator }} < 30 * {{ responses }} then 'mobilise'
        when {{ numerator }} <= 50 * {{ responses }} then 'fair'
        else 'good'
    end
{%- endmacro %}


{#
    Credits of orders beside costs, one row per model of attribution, columns of `keys`
    and period in which there was either: the whole query of a mart after its imports
    `credits` (of days) and `costs`, up to `final`.
#}
{% macro marketing_figures(keys) -%}
{%- set models = ["last_touch", "first_touch", "linear", "position_based", "time_decay"] -%}
{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] -%}
period_credits as (

    {% for grain in grains -%}
    select
        attribution_model,
        {{ keys | join(",\n        ") }},
        '{{ grain }}' as period_grain,
        {{ period_start("ordered_on", grain) }} as period_start,
        cast(sum(orders) as decimal(18, 6)) as orders,
        cast(sum(orders_with_revenue) as decimal(18, 6)) as orders_with_revenue,
        cast(sum(new_customers) as decimal(18, 6)) as new_customers,
        {{ sum_amount("attributed_revenue") }} as attributed_revenue,
        case
            when sum(unknown_margins) = 0
                then {{ sum_amount("attributed_margin") }}
        end as attributed_margin

    from credits

    group by
        attribution_model,
        {{ keys | join(",\n        ") }},
        {{ period_start("ordered_on", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

period_costs as (

    {% for grain in grains -%}
    select
        {{ keys | join(",\n        ") }},
        '{{ grain }}' as period_grain,
        {{ period_start("cost_on", grain) }} as period_start,
        {{ sum_amount("cost_amount_base") }} as cost

    from costs

    group by
        {{ keys | join(",\n        ") }},
        {{ period_start("cost_on", grain) }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

model_costs as (

    {% for model in models -%}
    select
        '{{ model }}' as attribution_model,
        period_costs.*

    from period_costs

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

joined as (

    select
        {% for column in ["attribution_model"] + keys + ["period_grain", "period_start"] -%}
        coalesce(period_credits.{{ column }}, model_costs.{{ column }}) as {{ column }},
        {% endfor -%}
        {% for column in ["orders", "orders_with_revenue", "new_customers"] -%}
        coalesce(period_credits.{{ column }}, 0) as {{ column }},
        {% endfor -%}
        coalesce(period_credits.attributed_revenue, 0) as attributed_revenue,
        case
            when period_credits.attribution_model is null then 0
            else period_credits.attributed_margin
        end as attributed_margin,
        model_costs.cost

    from period_credits
    full outer join model_costs
        on model_costs.attribution_model = period_credits.attribution_model
        {% for column in keys + ["period_grain", "period_start"] -%}
        and model_costs.{{ column }} = period_credits.{{ column }}
        {% endfor %}

),

final as (

    select
        attribution_model,
        {{ keys | join(",\n        ") }},
        period_grain,
        period_start,
        cast(orders as decimal(18, 6)) as orders,
        cast(new_customers as decimal(18, 6)) as new_customers,
        {{ money("attributed_revenue") }} as attributed_revenue,
        {{ money("attributed_margin") }} as attributed_margin,
        {{ money("cost") }} as cost,
        {{ aov("attributed_revenue", "orders_with_revenue") }} as aov,
        {{ cac("cost", "new_customers") }} as cac,
        {{ romi("attributed_revenue", "cost") }} as romi,
        {{ revenue_per_cost("attributed_revenue", "cost") }} as revenue_per_cost,
        {{ romi("attributed_margin", "cost") }} as romi_margin

    from joined

)
{%- endmacro %}
