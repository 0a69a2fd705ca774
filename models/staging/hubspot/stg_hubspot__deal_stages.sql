with

accepted as (

    {{ accepted_rows("hubspot", "deals") }}

),

seen as (

    select
        {{ parse_id("accepted.record_id") }} as deal_id,
        -- a label may have the pipeline behind it, in brackets
        split_part(lower({{ parse_text("accepted.deal_stage") }}), ' (', 1) as stage,
        coalesce(
            {{ parse_local_timestamp("accepted.last_modified_date") }},
            {{ parse_local_timestamp("accepted.create_date") }}
        ) as seen_at

    from accepted

),

final as (

    select
        deal_id,
        stage,
        min(seen_at) as first_seen_at

    from seen

    where
        deal_id is not null
        and stage is not null

    group by
        deal_id,
        stage

)

select * from final
