with

fits as (

    select * from {{ source("forecast", "fits") }}

    where as_of = {{ as_of_date() }}

),

final as (

    select
        -- strings
        fit,
        dimension,
        segment,
        orders_reason,
        value_reason,
        problem,

        -- numbers
        customers,
        repeat_customers,
        r,
        alpha,
        a,
        b,
        orders_log_likelihood,
        p,
        q,
        v,
        value_log_likelihood,
        holdout_days,
        holdout_customers,
        orders_actual,
        orders_expected,
        orders_naive,
        orders_total_error,
        orders_naive_total_error,
        orders_mae,
        orders_naive_mae,
        orders_rmse,
        orders_naive_rmse,
        revenue_actual,
        revenue_expected,
        revenue_naive,
        revenue_total_error,
        revenue_naive_total_error,
        revenue_mae,
        revenue_naive_mae,
        revenue_rmse,
        revenue_naive_rmse,

        -- booleans
        converged,
        beats_naive,
        value_converged,
        value_beats_naive,

        -- dates
        cut_on

    from fits

)

select * from final
