with

accepted as (

    {{ accepted_rows("amocrm", "deals") }}

),

seen as (

    select
        {{ parse_id("accepted.id") }} as deal_id,
        -- a label may have the pipeline behind it, in brackets
        split_part(lower({{ parse_text("accepted.stage") }}), ' (', 1) as stage,
        coalesce(
            {{ parse_day_first_local_timestamp("accepted.edited_at") }},
            {{ parse_day_first_local_timestamp("accepted.created_at") }}
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
