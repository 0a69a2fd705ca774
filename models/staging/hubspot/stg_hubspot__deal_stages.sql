with

final as (

    {{ seen_stages(
        "hubspot",
        deal_id=parse_id("accepted.record_id"),
        stage=parse_text("accepted.deal_stage"),
        changed_at="coalesce("
            ~ parse_local_timestamp("accepted.last_modified_date") ~ ", "
            ~ parse_local_timestamp("accepted.create_date") ~ ")"
    ) }}

)

select * from final
