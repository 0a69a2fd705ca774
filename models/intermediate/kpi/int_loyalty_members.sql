with

ledger as (

    select * from {{ ref("stg_loyalty__ledger") }}

    where
        card_number is not null
        and {{ until_as_of("happened_at") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

    where
        source = 'loyalty'
        and export = 'ledger'

),

operations as (

    select
        customer_ids.customer_id,
        ledger.operation,
        {{ business_day("ledger.happened_at") }} as operated_on

    from ledger
    inner join customer_ids
        on customer_ids.record_id = {{ surrogate_key(["ledger.card_number"]) }}

),

members as (

    -- points that expire, and what the company adjusts, are no acts of a member
    select
        customer_id,
        min(operated_on) as joined_on,
        max(case when operation in ('earn', 'spend', 'refund') then operated_on end)
            as last_used_on

    from operations

    group by customer_id

),

final as (

    select
        customer_id,
        joined_on,
        last_used_on,
        case
            when {{ days_between("coalesce(last_used_on, joined_on)", as_of_date()) }}
                > {{ var("inactivity_cutoff_days") }}
                then {{ days_after(
                    "coalesce(last_used_on, joined_on)",
                    var("inactivity_cutoff_days") ~ " + 1"
                ) }}
        end as left_on

    from members

)

select * from final
