with

profiles as (

    select * from {{ ref("profile_completeness") }}

),

owners as (

    select
        source,
        export,
        owner,
        count(*) as profile_count,
        sum(filled_attribute_count) as filled_count,
        sum(attribute_count) as attribute_count,
        sum(
            case
                when completeness >= {{ var("complete_profile_share") }} then 1
                else 0
            end
        ) as complete_profile_count

    from profiles

    group by
        source,
        export,
        owner

),

final as (

    select
        source,
        export,
        owner,
        profile_count,
        cast(complete_profile_count as bigint) as complete_profile_count,
        {{ ratio("complete_profile_count", "profile_count") }} as complete_share,
        {{ ratio("filled_count", "attribute_count") }} as completeness

    from owners

)

select * from final
