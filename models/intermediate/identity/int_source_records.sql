with

contacts as (

    select * from {{ ref("stg_hubspot__contacts") }}

),

shop_customers as (

    select * from {{ ref("stg_shopify__customers") }}

),

shop_orders as (

    select * from {{ ref("stg_shopify__orders") }}

    where shopify_order_id is not null

),

members as (

    select * from {{ ref("stg_mailchimp__members") }}

),

invoice_lines as (

    select * from {{ ref("stg_online_retail__invoice_lines") }}

    where online_retail_customer_id is not null

),

contact_records as (

    select
        'hubspot' as source,
        'contacts' as export,
        contact_id as record_id,
        first_name,
        last_name,
        email,
        phone,
        mobile_phone as second_phone,
        city,
        country,
        birth_date,
        created_at as first_seen_at,
        coalesce(modified_at, created_at) as last_seen_at,
        deleted_at,
        _file_id,
        _line

    from contacts

),

shop_customer_records as (

    select
        'shopify' as source,
        'customers' as export,
        shopify_customer_id as record_id,
        first_name,
        last_name,
        email,
        phone,
        address_phone as second_phone,
        city,
        country,
        cast(null as date) as birth_date,
        cast(null as timestamp) as first_seen_at,
        cast(null as timestamp) as last_seen_at,
        deleted_at,
        _file_id,
        _line

    from shop_customers

),

shop_order_records as (

    select
        'shopify' as source,
        'orders' as export,
        shopify_order_id as record_id,
        {# two words are first and last name; of more nobody knows which is which #}
        case
            when billing_name not like '% % %' and billing_name like '% %'
                then split_part(billing_name, ' ', 1)
        end as first_name,
        case
            when billing_name not like '% % %' and billing_name like '% %'
                then split_part(billing_name, ' ', 2)
            else billing_name
        end as last_name,
        email,
        phone,
        cast(null as {{ dbt.type_string() }}) as second_phone,
        billing_city as city,
        billing_country as country,
        cast(null as date) as birth_date,
        ordered_at as first_seen_at,
        ordered_at as last_seen_at,
        cast(null as timestamp) as deleted_at,
        _file_id,
        _line

    from shop_orders

    -- an order is no person: without a contact it belongs to nobody
    where
        email is not null
        or phone is not null

),

member_records as (

    select
        'mailchimp' as source,
        'members' as export,
        member_id as record_id,
        first_name,
        last_name,
        email,
        cast(null as {{ dbt.type_string() }}) as phone,
        cast(null as {{ dbt.type_string() }}) as second_phone,
        cast(null as {{ dbt.type_string() }}) as city,
        country,
        cast(null as date) as birth_date,
        opted_in_at as first_seen_at,
        coalesce(changed_at, opted_in_at) as last_seen_at,
        deleted_at,
        _file_id,
        _line

    from members

),

numbered_lines as (

    select
        invoice_lines.*,

        row_number() over (
            partition by online_retail_customer_id
            order by invoiced_at asc, _file_id asc, _line asc
        ) as line_number

    from invoice_lines

),

invoice_customers as (

    -- the file has no customers of its own: one record per id on its invoices
    select
        online_retail_customer_id,
        min(invoiced_at) as first_seen_at,
        max(invoiced_at) as last_seen_at,
        min(case when line_number = 1 then country end) as country,
        min(case when line_number = 1 then _file_id end) as _file_id,
        min(case when line_number = 1 then _line end) as _line

    from numbered_lines

    group by online_retail_customer_id

),

invoice_customer_records as (

    select
        'online_retail' as source,
        'invoice_lines' as export,
        online_retail_customer_id as record_id,
        cast(null as {{ dbt.type_string() }}) as first_name,
        cast(null as {{ dbt.type_string() }}) as last_name,
        cast(null as {{ dbt.type_string() }}) as email,
        cast(null as {{ dbt.type_string() }}) as phone,
        cast(null as {{ dbt.type_string() }}) as second_phone,
        cast(null as {{ dbt.type_string() }}) as city,
        country,
        cast(null as date) as birth_date,
        first_seen_at,
        last_seen_at,
        cast(null as timestamp) as deleted_at,
        _file_id,
        _line

    from invoice_customers

),

final as (

    select * from contact_records
    union all
    select * from shop_customer_records
    union all
    select * from shop_order_records
    union all
    select * from member_records
    union all
    select * from invoice_customer_records

)

select * from final
