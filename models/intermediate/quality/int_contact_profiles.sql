with

hubspot_contacts as (

    select * from {{ ref("stg_hubspot__contacts") }}

    where deleted_at is null

),

bitrix24_contacts as (

    select * from {{ ref("stg_bitrix24__contacts") }}

    where deleted_at is null

),

salesforce_contacts as (

    select * from {{ ref("stg_salesforce__contacts") }}

    where
        deleted_at is null
        and not coalesce(is_in_recycle_bin, false)

),

final as (

    select
        'hubspot' as source,
        'contacts' as export,
        contact_id as record_id,
        coalesce(contact_owner, 'unassigned') as owner,
        first_name,
        last_name,
        email,
        coalesce(phone, mobile_phone) as phone,
        city,
        country,
        birth_date,
        _file_id,
        _line

    from hubspot_contacts

    union all

    select
        'bitrix24' as source,
        'contacts' as export,
        contact_id as record_id,
        coalesce(contact_owner, 'unassigned') as owner,
        first_name,
        last_name,
        coalesce(work_email, private_email, mailing_email, other_email) as email,
        coalesce(work_phone, mobile_phone, home_phone, mailing_phone, other_phone)
            as phone,
        city,
        country,
        birth_date,
        _file_id,
        _line

    from bitrix24_contacts

    union all

    select
        'salesforce' as source,
        'contacts' as export,
        contact_id as record_id,
        coalesce(owner_id, 'unassigned') as owner,
        first_name,
        last_name,
        email,
        coalesce(phone, mobile_phone, home_phone, other_phone) as phone,
        city,
        country,
        birth_date,
        _file_id,
        _line

    from salesforce_contacts

)

select * from final
