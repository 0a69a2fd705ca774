with

counts as (

    select * from {{ ref("int_campaign_counts") }}

),

final as (

    select
        channel,
        campaign_id,
        first_sent_on,
        sent,
        delivered,
        opened,
        clicked,
        acquired_customers,
        {{ money("cost") }} as cost,
        {{ cac("cost", "acquired_customers") }} as cac,
        {{ money_per_share("cost", "delivered") }} as cost_per_delivered,
        {{ ratio("acquired_customers", "sent") }} as acquisition_rate_sent,
        {{ ratio("acquired_customers", "delivered") }} as acquisition_rate_delivered,
        {{ ratio("acquired_customers", "clicked") }} as acquisition_rate_clicked,
        {{ ratio("delivered", "sent") }} as delivery_rate,
        {{ ratio("opened", "delivered") }} as open_rate,
        {{ ratio("clicked", "delivered") }} as click_rate

    from counts

)

select * from final
