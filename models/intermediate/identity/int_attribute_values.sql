{% set attributes = ["first_name", "last_name", "city", "country", "birth_date"] %}
{% set places = ["first", "second", "third", "fourth"] %}

with

records as (

    select * from {{ ref("int_source_records") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

source_ranks as (

    select * from {{ ref("source_ranks") }}

),

rules as (

    select * from {{ ref("golden_record_rules") }}

),

owned as (

    select
        customer_ids.customer_id,
        records.source,
        {% for attribute in attributes -%}
        cast(records.{{ attribute }} as {{ dbt.type_string() }}) as {{ attribute }},
        {% endfor -%}
        records.first_seen_at,
        records.last_seen_at,
        case when records.deleted_at is null then 1 else 0 end as is_delivered,
        source_ranks.source_rank,
        case when source_ranks.is_self_declared then 1 else 0 end as is_self_declared

    from records
    inner join customer_ids
        on customer_ids.source = records.source
        and customer_ids.export = records.export
        and customer_ids.record_id = records.record_id
    left join source_ranks
        on source_ranks.source = records.source
        and source_ranks.export = records.export

),

observed as (

    {% for attribute in attributes %}
    select
        customer_id,
        '{{ attribute }}' as attribute,
        {{ attribute }} as attribute_value,
        source,
        first_seen_at,
        last_seen_at,
        is_delivered,
        source_rank,
        is_self_declared

    from owned

    where {{ attribute }} is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

attribute_values as (

    -- a deleted record says nothing that counts beside one that is there
    select
        customer_id,
        attribute,
        attribute_value,
        count(*) as record_count,
        {{ distinct_values_text("source") }} as sources,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at,
        max(is_delivered) as is_delivered,
        coalesce(
            min(case when is_delivered = 1 then source_rank end), min(source_rank)
        ) as source_rank,
        coalesce(
            max(case when is_delivered = 1 then is_self_declared end),
            max(is_self_declared)
        ) as is_self_declared,
        coalesce(
            max(case when is_delivered = 1 then last_seen_at end), max(last_seen_at)
        ) as counted_until

    from observed

    group by customer_id, attribute, attribute_value

),

weighed as (

    select
        attribute_values.*,
        1 - is_delivered as by_delivered,
        1 - is_self_declared as by_self_declared,
        -- a source without a rank is the last to be asked
        coalesce(source_rank, 1000000) as by_source_rank,
        rank() over (
            partition by customer_id, attribute
            order by counted_until desc nulls last
        ) as by_recency,
        -record_count as by_frequency

    from attribute_values

),

criteria as (

    select
        weighed.*,
        {% for place in places -%}
        rules.{{ place }} as {{ place }}_criterion,
        case rules.{{ place }}
            {% for criterion in [
                "delivered", "self_declared", "source_rank", "recency", "frequency"
            ] -%}
            when '{{ criterion }}' then by_{{ criterion }}
            {% endfor -%}
        end as {{ place }}_key{{ "," if not loop.last }}
        {% endfor %}

    from weighed
    left join rules on rules.attribute = weighed.attribute

),

ranked as (

    select
        criteria.*,
        row_number() over (
            partition by customer_id, attribute
            order by
                {% for place in places -%}
                {{ place }}_key asc nulls last,
                {% endfor -%}
                attribute_value asc
        ) as preference

    from criteria

),

compared as (

    select
        ranked.*,
        {% for place in places -%}
        lead({{ place }}_key) over next_best as next_{{ place }}_key,
        {% endfor -%}
        lead(attribute_value) over next_best as next_value,
        sum(record_count) over (partition by customer_id, attribute)
            as all_record_count

    from ranked

    window next_best as (partition by customer_id, attribute order by preference)

),

final as (

    select
        customer_id,
        attribute,
        attribute_value,
        preference,
        case
            when preference > 1 then null
            when next_value is null then 'only value'
            {% for place in places -%}
            when {{ place }}_key <> next_{{ place }}_key
                then {{ place }}_criterion
            {% endfor -%}
            else 'alphabet'
        end as chosen_by,
        round(cast(record_count as double) / all_record_count, 3) as confidence,
        record_count,
        sources,
        first_seen_at,
        last_seen_at

    from compared

)

select * from final
