-- No rows of its own: statistics are Python's, which fills the table after the build.
with

final as (

    select
        -- ids
        cast(null as varchar) as experiment,
        cast(null as varchar) as metric,
        cast(null as varchar) as arm,
        cast(null as varchar) as control_arm,

        -- strings
        cast(null as varchar) as decision,
        cast(null as varchar) as waits_for,
        cast(null as varchar) as kind,
        cast(null as varchar) as estimator,
        cast(null as varchar) as mde_from,

        -- numbers
        cast(null as bigint) as customers,
        cast(null as bigint) as control_customers,
        cast(null as bigint) as customers_in_several_arms,
        cast(null as bigint) as ids_without_customer,
        cast(null as double) as mean,
        cast(null as double) as control_mean,
        cast(null as double) as lift_abs,
        cast(null as double) as ci_low,
        cast(null as double) as ci_high,
        cast(null as double) as lift_rel,
        cast(null as double) as lift_rel_low,
        cast(null as double) as lift_rel_high,
        cast(null as double) as statistic,
        cast(null as double) as p_value,
        cast(null as double) as p_value_adjusted,
        cast(null as double) as srm_p_value,
        cast(null as double) as mde,
        cast(null as double) as expected_lift_abs,
        cast(null as double) as expected_lift_rel,
        cast(null as double) as plain_lift_abs,
        cast(null as double) as plain_p_value,
        cast(null as double) as variance_reduction,

        -- booleans
        cast(null as boolean) as is_deciding,
        cast(null as boolean) as is_expected_in_interval

    from {{ ref("experiment_outcomes") }}

    where 1 = 0

)

select * from final
