{#- what else than its own formula decides what a metric is -#}
{%- set settings_of_all = [var("base_currency"), var("business_timezone")] -%}
{%- set settings = {
    var("inactivity_cutoff_days"): [
        "active_customers", "churned_customers", "churn_rate",
    ],
    var("touch_minutes"): [
        "attributed_revenue", "attributed_margin", "romi", "revenue_per_cost",
        "romi_margin",
    ],
} -%}
with

formulas as (

    select * from {{ ref("metric_formulas") }}

),

final as (

    select
        metric,
        concat(
            coalesce(numerator, formula),
            ' / ',
            coalesce(denominator, '1'),
            ' in {{ settings_of_all | join(", ") }}',
            case
                {% for value, metrics in settings.items() -%}
                when metric in ('{{ metrics | join("', '") }}') then ', {{ value }}'
                {% endfor -%}
                else ''
            end
        ) as definition

    from formulas

)

select * from final
