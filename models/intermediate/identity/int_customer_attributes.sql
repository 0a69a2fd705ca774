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

owned as (

    select
        customer_ids.customer_id,
        records.*,
        source_ranks.source_rank

    from records
    inner join customer_ids
        on customer_ids.source = records.source
        and customer_ids.export = records.export
        and customer_ids.record_id = records.record_id
    left join source_ranks
        on source_ranks.source = records.source
        and source_ranks.export = records.export

),

{% set attributes = ["first_name", "last_name", "city", "country", "birth_date"] %}

ranked as (

    -- per attribute: a value before none, a record that is there before a deleted one,
    -- then the better source, the fresher record
    select
        owned.*
        {% for attribute in attributes %}
        ,
        row_number() over (
            partition by customer_id
            order by
                case when {{ attribute }} is null then 1 else 0 end,
                case when deleted_at is null then 0 else 1 end,
                source_rank asc nulls last,
                last_seen_at desc nulls last,
                source asc,
                export asc,
                record_id asc
        ) as {{ attribute }}_preference
        {% endfor %}

    from owned

),

final as (

    select
        customer_id,
        {% for attribute in attributes %}
        max(case when {{ attribute }}_preference = 1 then {{ attribute }} end)
            as {{ attribute }},
        {% endfor %}
        {{ distinct_values_text("source") }} as sources,
        count(*) as record_count,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at

    from ranked

    group by customer_id

)

select * from final
