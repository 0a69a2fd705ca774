with

final as (

    {{ seen_stages(
        "bitrix24",
        deal_id=parse_id("accepted.id"),
        stage=parse_text("accepted.stage"),
        changed_at="coalesce("
            ~ parse_day_first_local_timestamp("accepted.modified_at") ~ ", "
            ~ parse_day_first_local_timestamp("accepted.created_at") ~ ")"
    ) }}

)

select * from final
