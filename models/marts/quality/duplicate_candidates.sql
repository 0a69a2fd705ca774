with

records as (

    select * from {{ ref("int_source_records") }}

    where deleted_at is null

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

named as (

    select
        customer_ids.customer_id,
        replace(lower(records.first_name), 'ё', 'е') as first_name,
        replace(lower(records.last_name), 'ё', 'е') as last_name,
        records.birth_date,
        {{ distinct_values_text("concat(records.source, '.', records.export)") }}
            as exports

    from records
    inner join customer_ids
        on customer_ids.source = records.source
        and customer_ids.export = records.export
        and customer_ids.record_id = records.record_id

    where
        records.first_name is not null
        and records.last_name is not null
        and records.birth_date is not null

    group by
        customer_ids.customer_id,
        replace(lower(records.first_name), 'ё', 'е'),
        replace(lower(records.last_name), 'ё', 'е'),
        records.birth_date

),

paired as (

    -- each with the next: of many who are alike, all pairs would be too many
    select
        named.*,
        lead(customer_id) over alike as other_customer_id,
        lead(exports) over alike as other_exports

    from named

    window alike as (
        partition by first_name, last_name, birth_date order by customer_id
    )

),

final as (

    select
        customer_id,
        other_customer_id,
        'same name and date of birth' as resemblance,
        min(exports) as exports,
        min(other_exports) as other_exports

    from paired

    where other_customer_id is not null

    group by
        customer_id,
        other_customer_id

)

select * from final
