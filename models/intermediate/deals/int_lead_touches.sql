with

deals as (

    select * from {{ ref("int_deals") }}

),

calls as (

    select * from {{ ref("stg_call_centre__calls") }}

    where {{ until_as_of("started_at") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

    where
        source = 'call_centre'
        and export = 'calls'

),

log_starts as (

    select min(started_at) as started_at from calls

),

-- staff called, reached anybody or not, or answered
touches as (

    select
        customer_ids.customer_id,
        calls.direction,
        calls.started_at

    from calls
    inner join customer_ids
        on customer_ids.record_id = calls.call_id

    where
        calls.direction = 'out'
        or (calls.direction = 'in' and calls.call_result = 'answered')

),

-- before there was a log, nobody knows who called whom
measured as (

    select
        deals.deal_id,
        deals.customer_id,
        deals.created_at

    from deals
    inner join log_starts
        on log_starts.started_at <= deals.created_at

    where deals.customer_id is not null

),

final as (

    select
        measured.deal_id,
        min(
            case
                when touches.started_at >= measured.created_at then touches.started_at
                -- the call that a deal was made of is its answer
                when
                    touches.direction = 'in'
                    and {{ seconds_between("touches.started_at", "measured.created_at") }}
                    <= 60 * {{ var("touch_minutes") }}
                    then measured.created_at
            end
        ) as first_touch_at

    from measured
    left join touches
        on touches.customer_id = measured.customer_id

    group by measured.deal_id

)

select * from final
