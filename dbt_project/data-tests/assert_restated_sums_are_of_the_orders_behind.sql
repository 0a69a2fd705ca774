-- What a restatement says of a sum is what its orders say: after less before. It may not be
-- when a new version of the models counts the same orders in another way.
{{ config(severity="warn", meta={"dagster": {"ref": {"name": "kpi_restatement_orders"}}}) }}

{%- set sums = [
    "orders", "unpaid_orders", "new_customers", "gross_revenue", "net_revenue",
    "net_revenue_unassigned", "attributed_revenue",
] %}
{%- set members = {
    "company": "'company'",
    "source": "source",
    "offer": "offer",
    "country": "country",
    "first_channel": "first_channel",
} %}
{%- set grains = ["day", "week", "month", "quarter", "half_year", "year"] %}

with

restatements as (

    select * from {{ ref("kpi_restatements") }}

    where restated_on = {{ as_of_date() }}

),

orders as (

    select
        restatement_orders.*,
        case when version = 'after' then 1 else -1 end as sign

    from {{ ref("kpi_restatement_orders") }} as restatement_orders

    where restated_on = {{ as_of_date() }}

),

listed as (

    -- where a definition is all that changed, no order is listed
    select restatement_number

    from restatements

    where cause = 'data'

    group by restatement_number

),

daily as (

    {% for dimension, member in members.items() -%}
    select
        restatement_number,
        '{{ dimension }}' as dimension,
        {{ member }} as member,
        ordered_on,
        {% for name in sums -%}
        sum(sign * {{ name }}) as {{ name }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from orders

    group by
        restatement_number,
        {{ member }},
        ordered_on

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

differences as (

    {% for grain in grains -%}
    {%- set outer_loop = loop -%}
    {% for name in sums -%}
    select
        restatement_number,
        '{{ name }}' as metric,
        dimension,
        member,
        '{{ grain }}' as period_grain,
        {{ period_start("ordered_on", grain) }} as period_start,
        sum({{ name }}) as difference

    from daily

    group by
        restatement_number,
        dimension,
        member,
        {{ period_start("ordered_on", grain) }}

    {%- if not (loop.last and outer_loop.last) %}

    union all

    {% endif %}
    {%- endfor %}
    {%- endfor %}

),

final as (

    -- figures are rounded, so that a difference of two may be a kopeck off
    select
        restatements.restatement_number,
        restatements.metric,
        restatements.dimension,
        restatements.member,
        restatements.period_grain,
        restatements.period_start

    from restatements
    inner join listed
        on listed.restatement_number = restatements.restatement_number
    left join differences
        on differences.restatement_number = restatements.restatement_number
        and differences.metric = restatements.metric
        and differences.dimension = restatements.dimension
        and differences.member = restatements.member
        and differences.period_grain = restatements.period_grain
        and differences.period_start = restatements.period_start

    where
        restatements.metric in ('{{ sums | join("', '") }}')
        and restatements.cause = 'data'
        and abs(
            coalesce(restatements.figure_after, 0)
            - coalesce(restatements.figure_before, 0)
            - coalesce(differences.difference, 0)
        ) > 0.011

)

select * from final
