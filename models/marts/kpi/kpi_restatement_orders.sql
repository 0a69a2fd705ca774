with

changes as (

    select * from {{ ref("int_order_changes") }}

    where is_restating

),

all_orders as (

    select * from {{ ref("stg_kpi_history__restatement_orders") }}

),

known_restatements as (

    select coalesce(max(restatement_number), 0) as restatement_number

    from {{ ref("stg_kpi_history__restatements") }}

),

restatement as (

    -- where metrics are defined anew, all orders differ, and none says why
    select
        kpi_restatements.restatement_number,
        kpi_restatements.published_for,
        kpi_restatements.restated_on

    from {{ ref("kpi_restatements") }} as kpi_restatements
    inner join known_restatements
        on known_restatements.restatement_number < kpi_restatements.restatement_number

    where kpi_restatements.cause = 'data'

    group by
        kpi_restatements.restatement_number,
        kpi_restatements.published_for,
        kpi_restatements.restated_on

),

restating as (

    select
        restatement.restatement_number,
        changes.*,
        case when is_paid then 1 else 0 end as orders,
        case when is_paid and net_amount_base > 0 then 1 else 0 end
            as orders_with_revenue,
        case when is_paid and margin_amount_base is null then 1 else 0 end
            as orders_without_margin,
        case when is_paid then 0 else 1 end as unpaid_orders,
        case when customer_order_number = 1 then 1 else 0 end as new_customers,
        case when customer_order_number = 2 then 1 else 0 end as new_repeat_customers,
        case when is_paid then gross_amount_base else 0 end as gross_revenue,
        case when is_paid then net_amount_base else 0 end as net_revenue,
        case when is_paid and customer_id is null then net_amount_base else 0 end
            as net_revenue_unassigned,
        case when is_attributed then net_amount_base else 0 end as attributed_revenue,
        case when is_paid then coalesce(margin_amount_base, 0) else 0 end
            as known_margin,
        case when is_attributed then coalesce(margin_amount_base, 0) else 0 end
            as attributed_known_margin,
        restatement.restated_on

    from changes
    inner join restatement
        on restatement.published_for > changes.earliest_on

),

final as (

    {% for name in ["restating", "all_orders"] -%}
    select
        -- ids
        restatement_number,
        order_id,
        source,
        {% if name == "restating" -%}
        coalesce(customer_id, 'unassigned') as customer_id,
        {% else -%}
        customer_id,
        {% endif -%}
        _file_id,
        _line,

        -- strings
        version,
        what_changed,
        status,
        currency,
        offer,
        country,
        first_channel,

        -- what it adds to kpi_sums
        {% for column in [
            "orders", "orders_with_revenue", "orders_without_margin", "unpaid_orders",
            "new_customers", "new_repeat_customers",
        ] -%}
        cast({{ column }} as bigint) as {{ column }},
        {% endfor -%}
        {% for column in [
            "gross_revenue", "net_revenue", "net_revenue_unassigned",
            "attributed_revenue", "known_margin", "attributed_known_margin",
        ] -%}
        cast({{ column }} as decimal(38, 6)) as {{ column }},
        {% endfor %}
        -- dates
        ordered_on,
        restated_on

    from {{ name }}

    where restated_on <= {{ as_of_date() }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

)

select * from final
