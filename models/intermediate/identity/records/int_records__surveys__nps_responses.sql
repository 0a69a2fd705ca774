with

responses as (

    select * from {{ ref("stg_surveys__nps_responses") }}

),

contact_systems as (

    select * from {{ ref("int_id_systems") }}

    where kind = 'contact'

),

linked_responses as (

    select
        responses.*,
        contact_systems.source || ':' || responses.contact_id as crm_id

    from responses
    left join contact_systems
        on contact_systems.quoted_id = responses.contact_id

),

records as (

    select
        {{ source_record(
            "surveys", "nps_responses",
            record_id="response_id",
            email="email",
            phone="phone",
            first_seen_at="responded_at",
            last_seen_at="responded_at",
            crm_id="crm_id"
        ) }}

    from linked_responses

),

final as (

    select * from records

    where {{ names_somebody() }}

)

select * from final
