with

records as (

    -- orders, calls and the like name a person as often as they like
    select * from {{ ref("int_source_records") }}

    where export in ('contacts', 'customers', 'members', 'profiles')

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

shared as (

    select
        records.source,
        records.export,
        customer_ids.customer_id,
        count(*) as record_count,
        {{ distinct_values_text("records.record_id") }} as record_ids,
        min(records.first_seen_at) as first_seen_at,
        max(records.last_seen_at) as last_seen_at

    from records
    inner join customer_ids
        on customer_ids.source = records.source
        and customer_ids.export = records.export
        and customer_ids.record_id = records.record_id

    where records.deleted_at is null

    group by
        records.source,
        records.export,
        customer_ids.customer_id

),

final as (

    select * from shared

    where record_count > 1

)

select * from final
