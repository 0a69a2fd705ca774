with

references_made as (

    select * from {{ ref("int_references") }}

),

reference_targets as (

    select * from {{ ref("int_reference_targets") }}

),

delivered_targets as (

    -- where nothing was ever delivered, nothing can be missing
    select target

    from reference_targets

    group by target

),

orphaned as (

    select references_made.*

    from references_made
    inner join delivered_targets
        on delivered_targets.target = references_made.target
    left join reference_targets
        on reference_targets.target = references_made.target
        and reference_targets.target_key = references_made.reference_key

    where
        reference_targets.target_key is null
        and (references_made.reference_key is not null or references_made.is_required)

),

numbered as (

    select
        orphaned.*,

        count(*) over (
            partition by source, export, record_key, reference, target
        ) as reference_count,

        row_number() over (
            partition by source, export, record_key, reference, target
            order by _file_id asc, _line asc, reference_key asc
        ) as reference_number

    from orphaned

),

final as (

    select
        -- ids
        source,
        export,
        record_key,
        _file_id,
        _line,

        -- strings
        reference,
        target,
        case when reference_key is null then 'not_given' else 'unknown' end as problem,
        case when not is_personal then reference_key end as reference_key,

        -- numbers
        reference_count

    from numbered

    where reference_number = 1

)

select * from final
