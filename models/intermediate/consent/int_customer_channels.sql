with

customers as (

    select * from {{ ref("int_customer_attributes") }}

),

channels as (

    select * from {{ ref("channels") }}

    where is_contact_channel

),

contact_points as (

    select * from {{ ref("int_customer_contact_points") }}

),

unresponsive_customers as (

    select * from {{ ref("int_unresponsive_customers") }}

),

ranked as (

    -- the contact point to use, or the one that comes nearest
    select
        contact_points.*,

        row_number() over (
            partition by customer_id, channel
            order by
                case when is_granted and suppression_reason is null then 0 else 1 end,
                last_seen_at desc nulls last,
                record_count desc,
                contact_point asc
        ) as preference,

        count(*) over (partition by customer_id, channel) as contact_point_count

    from contact_points

),

decided as (

    select
        customers.customer_id,
        channels.channel,
        ranked.contact_point,
        coalesce(ranked.contact_point_count, 0) as contact_point_count,
        case
            when ranked.contact_point is null then 'no_contact'
            when ranked.suppression_reason is not null then ranked.suppression_reason
            when ranked.is_consent_unknown then 'consent_unknown'
            when not ranked.is_granted then 'consent_withdrawn'
            when
                channels.channel = 'email'
                and unresponsive_customers.customer_id is not null
                then 'inactive'
            else 'reachable'
        end as reachability

    from customers
    cross join channels
    left join ranked
        on ranked.customer_id = customers.customer_id
        and ranked.channel = channels.channel
        and ranked.preference = 1
    left join unresponsive_customers
        on unresponsive_customers.customer_id = customers.customer_id

),

final as (

    select
        customer_id,
        channel,
        contact_point,
        contact_point_count,
        reachability,
        reachability = 'reachable' as is_reachable

    from decided

)

select * from final
