with

counts as (

    select * from {{ ref("int_nps_counts") }}

),

scored as (

    select
        counts.*,
        cast(promoters - detractors as double) / responses as score,
        1.96 * power(
            (
                cast(promoters + detractors as double) / responses
                - power(cast(promoters - detractors as double) / responses, 2)
            ) / responses,
            0.5
        ) as half_interval

    from counts

),

final as (

    select
        dimension,
        member,
        period_grain,
        period_start,
        responses,
        promoters,
        passives,
        detractors,
        cast(round(100 * score, 6) as decimal(18, 6)) as nps,
        cast(round(100 * greatest(score - half_interval, -1), 6) as decimal(18, 6))
            as nps_low,
        cast(round(100 * least(score + half_interval, 1), 6) as decimal(18, 6))
            as nps_high,
        {{ nps_band("100 * (promoters - detractors)", "responses") }} as nps_band

    from scored

)

select * from final
