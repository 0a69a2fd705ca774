with

responses as (

    select * from {{ ref("stg_surveys__nps_responses") }}

    where
        score is not null
        and {{ until_as_of("responded_at") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

    where
        source = 'surveys'
        and export = 'nps_responses'

),

final as (

    select
        -- ids
        responses.response_id,
        customer_ids.customer_id,
        responses._file_id,
        responses._line,

        -- strings
        responses.touchpoint,
        case
            when responses.score >= 9 then 'promoter'
            when responses.score >= 7 then 'passive'
            else 'detractor'
        end as nps_group,

        -- numbers
        responses.score,

        -- dates and timestamps
        {{ business_day("responses.responded_at") }} as responded_on,
        responses.responded_at

    from responses
    left join customer_ids
        on customer_ids.record_id = responses.response_id

)

select * from final
