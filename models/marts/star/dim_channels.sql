with

channels as (

    select * from {{ ref("channels") }}

),

final as (

    select
        channel,
        channel_name,
        kind,
        is_contact_channel

    from channels

)

select * from final
