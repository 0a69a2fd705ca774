{%- set facts = {
    "ordered_on": "day",
    "customer_id": "customer",
    "status": "status",
    "currency": "currency",
    "gross_amount_base": "amount",
    "net_amount_base": "amount",
    "margin_amount_base": "margin",
    "is_paid": "paid",
    "customer_order_number": "number",
    "is_attributed": "attribution",
    "offer": "offer",
    "country": "country",
    "first_channel": "first_channel",
} -%}
{#- what is told of an order, and adds to no figure by itself -#}
{%- set silent_facts = ["status", "currency"] -%}
{%- set kept = ["order_id", "source", "_file_id", "_line"] + facts | list -%}

with

publication as (

    select max(published_for) as published_for

    from {{ ref("stg_kpi_history__metrics") }}

),

orders_before as (

    -- an earlier day than the last one published has nothing to compare with
    select stg_kpi_history__orders.*

    from {{ ref("stg_kpi_history__orders") }} as stg_kpi_history__orders
    inner join publication
        on publication.published_for <= {{ as_of_date() }}

),

orders_now as (

    -- of all orders of a customer only the first and the second are told apart
    select
        int_order_facts.*,
        least(int_order_facts.paid_order_number, 3) as customer_order_number

    from {{ ref("int_order_facts") }} as int_order_facts
    inner join publication
        on publication.published_for <= {{ as_of_date() }}

),

compared as (

    select
        {% for column in kept -%}
        orders_before.{{ column }} as {{ column }}_before,
        orders_now.{{ column }} as {{ column }}_after,
        {% endfor -%}
        orders_before.order_id is not null as is_before,
        orders_now.order_id is not null as is_after

    from orders_before
    full outer join orders_now
        on orders_now.order_id = orders_before.order_id

    where
        {% for column in facts -%}
        orders_now.{{ column }} is distinct from orders_before.{{ column }}
        {% if not loop.last -%}
        or {% endif -%}
        {% endfor %}

),

told as (

    select
        compared.*,
        least(
            coalesce(ordered_on_before, ordered_on_after),
            coalesce(ordered_on_after, ordered_on_before)
        ) as earliest_on,
        case
            when not is_before then 'came'
            when not is_after then 'gone'
            else
                trim(
                    concat(
                        {% for name in facts.values() | unique -%}
                        case
                            when
                                {% for column, told in facts.items() if told == name -%}
                                coalesce(
                                    {{ column }}_before <> {{ column }}_after,
                                    coalesce({{ column }}_before, {{ column }}_after)
                                    is not null
                                )
                                {% if not loop.last -%}
                                or {% endif -%}
                                {% endfor -%}
                                then '{{ name }} '
                            else ''
                        end
                        {%- if not loop.last %},
                        {% endif -%}
                        {%- endfor %}
                    )
                )
        end as what_changed

    from compared

),

versions as (

    {% for version in ["before", "after"] -%}
    select
        '{{ version }}' as version,
        {% for column in kept -%}
        {{ column }}_{{ version }} as {{ column }},
        {% endfor -%}
        earliest_on,
        what_changed

    from told

    where is_{{ version }}

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        -- ids
        order_id,
        source,
        customer_id,
        _file_id,
        _line,

        -- strings
        version,
        replace(what_changed, ' ', ', ') as what_changed,
        status,
        currency,
        offer,
        country,
        first_channel,

        -- numbers
        customer_order_number,
        gross_amount_base,
        net_amount_base,
        margin_amount_base,

        -- booleans
        is_paid,
        is_attributed,
        what_changed not in ('{{ silent_facts | join("', '") }}', 'status currency')
            as is_restating,

        -- dates
        ordered_on,
        earliest_on

    from versions

)

select * from final
