with

deals as (

    select * from {{ ref("int_deals") }}

),

deal_steps as (

    select
        deal_id,
        max(step_number) as step_number

    from {{ ref("int_deal_steps") }}

    group by deal_id

),

lead_touches as (

    select * from {{ ref("int_lead_touches") }}

),

timed as (

    select
        lead_touches.deal_id,
        lead_touches.first_touch_at,
        {{ seconds_between("deals.created_at", "lead_touches.first_touch_at") }}
            as response_seconds

    from lead_touches
    inner join deals
        on deals.deal_id = lead_touches.deal_id

),

final as (

    select
        -- ids
        deals.deal_id,
        deals.source,
        coalesce(deals.customer_id, 'unassigned') as customer_id,
        deals._file_id,
        deals._line,

        -- strings
        deals.pipeline,
        deals.stage,
        deals.deal_status,
        deals.deal_owner,
        deals.lead_source,
        deals.currency,

        -- numbers
        cast(deal_steps.step_number as integer) as step_number,
        {{ money("deals.amount") }} as amount,
        {{ money("deals.amount_base") }} as amount_base,
        cast(round(cast(timed.response_seconds as double) / 60, 2) as decimal(18, 2))
            as lead_response_minutes,

        -- booleans
        timed.deal_id is not null as is_response_measured,
        case
            when timed.deal_id is not null
                then coalesce(timed.response_seconds <= 3600, false)
        end as is_answered_within_hour,

        -- dates and timestamps
        deals.created_on,
        deals.closed_on,
        deals.created_at,
        timed.first_touch_at

    from deals
    left join deal_steps
        on deal_steps.deal_id = deals.deal_id
    left join timed
        on timed.deal_id = deals.deal_id

)

select * from final
