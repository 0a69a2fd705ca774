with

assignments as (

    select * from {{ ref("experiment_assignments") }}

    where
        left_out_because is null
        and assigned_on <= {{ as_of_date() }}

),

experiments as (

    select * from {{ ref("stg_experiments__arms") }}

    where is_control

),

orders as (

    select * from {{ ref("orders") }}

    where is_paid

),

-- two ids of one arm that became one customer count from the first of them on
firsts as (

    select
        assignments.*,
        row_number() over (
            partition by experiment, customer_id
            order by assigned_on, assigned_customer_id
        ) as place

    from assignments

),

members as (

    select
        firsts.experiment,
        firsts.customer_id,
        firsts.arm,
        -- who came under other shares is compared with their like
        concat(firsts.stratum, ' of ', firsts.allocation) as stratum,
        firsts.assigned_on,
        least(experiments.ends_on, {{ as_of_date() }}) as counted_until,
        {{ days_after(
            "firsts.assigned_on",
            "-1 * " ~ days_between("experiments.starts_on", "experiments.ends_on")
        ) }} as counted_since

    from firsts
    inner join experiments
        on experiments.experiment = firsts.experiment

    where firsts.place = 1

),

measured as (

    select
        members.experiment,
        members.customer_id,
        members.arm,
        members.stratum,
        sum(
            case when orders.ordered_on > members.assigned_on then 1 else 0 end
        ) as order_count,
        sum(
            case when orders.ordered_on <= members.assigned_on then 1 else 0 end
        ) as prior_order_count,
        sum(
            case
                when orders.ordered_on > members.assigned_on
                    then orders.net_amount_base
                else 0
            end
        ) as net_revenue,
        sum(
            case
                when orders.ordered_on <= members.assigned_on
                    then orders.net_amount_base
                else 0
            end
        ) as prior_net_revenue

    from members
    left join orders
        on orders.customer_id = members.customer_id
        and orders.ordered_on > members.counted_since
        and orders.ordered_on <= members.counted_until

    group by
        members.experiment,
        members.customer_id,
        members.arm,
        members.stratum

),

metrics as (

    select
        experiment,
        'buyers' as metric,
        'proportion' as kind,
        customer_id,
        arm,
        stratum,
        case when order_count > 0 then 1 else 0 end as metric_value,
        case when prior_order_count > 0 then 1 else 0 end as prior_value

    from measured

    union all

    select
        experiment,
        'orders' as metric,
        'mean' as kind,
        customer_id,
        arm,
        stratum,
        order_count as metric_value,
        prior_order_count as prior_value

    from measured

    union all

    select
        experiment,
        'net_revenue' as metric,
        'mean' as kind,
        customer_id,
        arm,
        stratum,
        net_revenue as metric_value,
        prior_net_revenue as prior_value

    from measured

),

final as (

    select
        -- ids
        experiment,
        metric,
        customer_id,
        arm,

        -- strings
        kind,
        stratum,

        -- numbers
        {{ money("metric_value") }} as metric_value,
        {{ money("prior_value") }} as prior_value

    from metrics

)

select * from final
