{%- set metrics = [
    "orders", "free_orders", "unpaid_orders", "buyers", "new_customers",
    "customers_to_date", "repeat_customers_to_date", "active_customers",
    "churned_customers", "gross_revenue", "net_revenue", "net_revenue_unassigned",
    "margin", "revenue_to_date", "margin_to_date", "attributed_revenue",
    "attributed_margin", "cost", "aov", "arpu", "cac", "ltv_revenue_simple",
    "ltv_revenue_detailed", "ltv_revenue_gap", "ltv_margin_simple",
    "ltv_margin_detailed", "ltv_revenue_realised", "purchase_frequency",
    "repeat_purchase_rate", "churn_rate", "lifetime_days", "margin_coverage", "romi",
    "revenue_per_cost", "romi_margin", "ltv_to_cac",
] -%}
{%- set key = ["dimension", "member", "period_grain", "period_start"] -%}

with

kpi_dimensions as (

    select * from {{ ref("kpi_dimensions") }}

),

periods as (

    select * from {{ ref("int_periods") }}

),

published_metrics as (

    -- a run for an earlier day than the last one published has nothing to compare with
    select * from {{ ref("stg_kpi_history__metrics") }}

    where published_for <= {{ as_of_date() }}

),

published_figures as (

    select * from {{ ref("stg_kpi_history__figures") }}

),

definitions as (

    select * from {{ ref("int_metric_definitions") }}

),

all_restatements as (

    select * from {{ ref("stg_kpi_history__restatements") }}

),

publication as (

    select
        max(published_for) as published_for,
        (
            select coalesce(max(restatement_number), 0) + 1 from all_restatements
        ) as restatement_number

    from published_metrics

),

known_dimensions as (

    select dimension

    from published_figures

    group by dimension

),

figures_before as (

    select published_figures.*

    from published_figures
    cross join publication

    where publication.published_for is not null

),

figures_after as (

    select
        {% for column in key -%}
        kpi_dimensions.{{ column }},
        {% endfor -%}
        {% for metric in metrics -%}
        cast(kpi_dimensions.{{ metric }} as decimal(38, 6)) as {{ metric }}
        {%- if not loop.last %},
        {% endif -%}
        {%- endfor %}

    from kpi_dimensions
    inner join known_dimensions
        on known_dimensions.dimension = kpi_dimensions.dimension
    inner join periods
        on periods.period_grain = kpi_dimensions.period_grain
        and periods.period_start = kpi_dimensions.period_start
    inner join publication
        on publication.published_for >= periods.next_period_start

),

changed as (

    select
        {% for column in key -%}
        coalesce(figures_before.{{ column }}, figures_after.{{ column }}) as {{ column }},
        {% endfor -%}
        {% for metric in metrics -%}
        figures_before.{{ metric }} as {{ metric }}_before,
        figures_after.{{ metric }} as {{ metric }}_after,
        {% endfor -%}
        figures_before.member is not null and figures_after.member is not null
            as is_told_twice

    from figures_before
    full outer join figures_after
        on
        {% for column in key -%}
        figures_after.{{ column }} = figures_before.{{ column }}
        {% if not loop.last -%}
        and {% endif -%}
        {% endfor %}

    where
        {% for metric in metrics -%}
        figures_after.{{ metric }} is distinct from figures_before.{{ metric }}
        {% if not loop.last -%}
        or {% endif -%}
        {% endfor %}

),

restated as (

    -- nothing told of a member, and nothing but zero, are the same
    {% for metric in metrics -%}
    select
        '{{ metric }}' as metric,
        {{ key | join(",
        ") }},
        {{ metric }}_before as figure_before,
        {{ metric }}_after as figure_after

    from changed

    where
        {{ metric }}_after is distinct from {{ metric }}_before
        and (
            is_told_twice
            or coalesce({{ metric }}_after, 0) <> coalesce({{ metric }}_before, 0)
        )

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

restatements as (

    select
        publication.restatement_number,
        restated.*,
        case
            when definitions.definition = published_metrics.definition then 'data'
            else 'definition'
        end as cause,
        cast(restated.figure_after - restated.figure_before as decimal(38, 6))
            as difference,
        {{ ratio(
            "restated.figure_after - restated.figure_before",
            "abs(restated.figure_before)"
        ) }} as difference_share,
        publication.published_for,
        {{ as_of_date() }} as restated_on

    from restated
    inner join published_metrics
        on published_metrics.metric = restated.metric
    inner join definitions
        on definitions.metric = restated.metric
    cross join publication

),

final as (

    {% for name in ["restatements", "all_restatements"] -%}
    select
        -- which figure
        restatement_number,
        metric,
        dimension,
        member,
        period_grain,
        period_start,

        -- what became of it
        cause,
        figure_before,
        figure_after,
        difference,
        difference_share,

        -- dates
        published_for,
        restated_on

    from {{ name }}

    where restated_on <= {{ as_of_date() }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
