with

reasons as (

    select * from {{ ref("stg_feedback__churn_reasons") }}

),

contact_systems as (

    select * from {{ ref("int_id_systems") }}

    where kind = 'contact'

),

linked_reasons as (

    select
        reasons.*,
        contact_systems.source || ':' || reasons.contact_id as crm_id

    from reasons
    left join contact_systems
        on contact_systems.quoted_id = reasons.contact_id

),

records as (

    select
        {{ source_record(
            "feedback", "churn_reasons",
            record_id="concat(contact_id, '/', left_on)",
            email="email",
            phone="phone",
            first_seen_at="cast(left_on as timestamp)",
            last_seen_at="cast(left_on as timestamp)",
            crm_id="crm_id"
        ) }}

    from linked_reasons

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
