with

sends as (

    select * from {{ ref("int_sends") }}

),

final as (

    select
        channel,
        coalesce(campaign_id, 'none') as campaign_id,
        sent_on,
        count(*) as sent,
        count(delivered_at) as delivered,
        count(opened_at) as opened,
        count(clicked_at) as clicked,
        count(case when is_delivered then 1 end) as delivered_in_order,
        count(case when is_opened then 1 end) as opened_in_order,
        count(case when is_clicked then 1 end) as clicked_in_order

    from sends

    group by
        channel,
        coalesce(campaign_id, 'none'),
        sent_on

)

select * from final
