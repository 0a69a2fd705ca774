with

identifiers as (

    select
        source,
        export,
        record_id,
        identifier_type,
        identifier_value,
        first_seen_at,
        last_seen_at

    from {{ ref("int_identifiers") }}

),

records as (

    select * from {{ ref("int_source_records") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

source_ids as (

    select
        source,
        export,
        record_id,
        concat(source, '.', export) as identifier_type,
        record_id as identifier_value,
        first_seen_at,
        last_seen_at

    from records

),

evidence as (

    select * from identifiers
    union all
    select * from source_ids

),

final as (

    select
        customer_ids.customer_id,
        evidence.identifier_type,
        evidence.identifier_value,
        count(*) as record_count,
        {{ distinct_values_text("evidence.source") }} as sources,
        min(evidence.first_seen_at) as first_seen_at

    from evidence
    inner join customer_ids
        on customer_ids.source = evidence.source
        and customer_ids.export = evidence.export
        and customer_ids.record_id = evidence.record_id

    group by
        customer_ids.customer_id,
        evidence.identifier_type,
        evidence.identifier_value

)

select * from final
