with

members as (

    select * from {{ ref("stg_mailchimp__members") }}

),

final as (

    select
        {{ source_record(
            "mailchimp", "members",
            record_id="member_id",
            first_name="first_name",
            last_name="last_name",
            email="email",
            country="country",
            first_seen_at="opted_in_at",
            last_seen_at="coalesce(changed_at, opted_in_at)",
            deleted_at="deleted_at"
        ) }}

    from members

)

select * from final
