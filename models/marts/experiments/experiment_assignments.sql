with

arms as (

    select * from {{ ref("stg_experiments__arms") }}

),

recorded as (

    select * from {{ ref("stg_experiments__assignments") }}

),

segment_members as (

    select * from {{ ref("segment_members") }}

),

customers as (

    select * from {{ ref("customer_360") }}

),

customer_channels as (

    select * from {{ ref("customer_channels") }}

    where is_reachable

),

-- an experiment has one control, and so one row here
experiments as (

    select * from arms

    where is_control

),

eligible as (

    select
        experiments.experiment,
        experiments.salt,
        experiments.allocation,
        segment_members.customer_id,
        coalesce(
            case experiments.stratify_by
                when 'lifecycle_stage' then customers.lifecycle_stage
                when 'country' then customers.country
                when 'city' then customers.city
                else 'all'
            end,
            'unknown'
        ) as stratum

    from experiments
    inner join segment_members
        on segment_members.segment = experiments.segment
    inner join customers
        on customers.customer_id = segment_members.customer_id
    left join customer_channels
        on customer_channels.customer_id = segment_members.customer_id
        and customer_channels.channel = experiments.channel

    where
        experiments.starts_on <= {{ as_of_date() }}
        and experiments.ends_on > {{ as_of_date() }}
        and (
            experiments.channel is null
            or customer_channels.customer_id is not null
        )

),

known as (

    select distinct
        experiment,
        customer_id

    from recorded

),

newcomers as (

    select
        eligible.*,
        {{ hash_point("concat(eligible.salt, ':', eligible.customer_id)") }} as point

    from eligible
    left join known
        on known.experiment = eligible.experiment
        and known.customer_id = eligible.customer_id

    where known.customer_id is null

),

assignments as (

    select
        experiment,
        assigned_customer_id,
        customer_id,
        arm,
        stratum,
        allocation,
        assigned_on

    from recorded

    union all

    select
        newcomers.experiment,
        newcomers.customer_id as assigned_customer_id,
        newcomers.customer_id,
        arms.arm,
        newcomers.stratum,
        newcomers.allocation,
        {{ as_of_date() }} as assigned_on

    from newcomers
    inner join arms
        on arms.experiment = newcomers.experiment
        and arms.share_from <= newcomers.point
        and arms.share_to > newcomers.point

),

arms_of_customers as (

    select
        experiment,
        customer_id,
        count(distinct arm) as arm_count

    from assignments

    where customer_id is not null

    group by
        experiment,
        customer_id

),

final as (

    select
        -- ids
        assignments.experiment,
        assignments.assigned_customer_id,
        assignments.customer_id,
        assignments.arm,

        -- strings
        assignments.stratum,
        assignments.allocation,
        case
            when assignments.customer_id is null then 'no_customer_now'
            when arms_of_customers.arm_count > 1 then 'in_several_arms'
        end as left_out_because,
        case
            when
                controls.starts_on <= {{ as_of_date() }}
                and controls.ends_on >= {{ as_of_date() }}
                then controls.audience
        end as held_out_of,

        -- dates and timestamps
        assignments.assigned_on

    from assignments
    left join arms_of_customers
        on arms_of_customers.experiment = assignments.experiment
        and arms_of_customers.customer_id = assignments.customer_id
    left join experiments as controls
        on controls.experiment = assignments.experiment
        and controls.arm = assignments.arm

)

select * from final
