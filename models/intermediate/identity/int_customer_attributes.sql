with

records as (

    select * from {{ ref("int_source_records") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

best_values as (

    select * from {{ ref("int_attribute_values") }}

    where preference = 1

),

customers as (

    select
        customer_ids.customer_id,
        {{ distinct_values_text("records.source") }} as sources,
        count(*) as record_count,
        min(records.first_seen_at) as first_seen_at,
        max(records.last_seen_at) as last_seen_at

    from records
    inner join customer_ids
        on customer_ids.source = records.source
        and customer_ids.export = records.export
        and customer_ids.record_id = records.record_id

    group by customer_ids.customer_id

),

countries as (

    select * from {{ ref("countries") }}

),

golden_records as (

    select
        customer_id,
        {% for attribute in ["first_name", "last_name", "city", "country"] -%}
        max(case when attribute = '{{ attribute }}' then attribute_value end)
            as {{ attribute }},
        {% endfor -%}
        cast(
            max(case when attribute = 'birth_date' then attribute_value end) as date
        ) as birth_date

    from best_values

    group by customer_id

),

final as (

    select
        customers.customer_id,
        golden_records.first_name,
        golden_records.last_name,
        golden_records.city,
        -- systems spell one country in several ways
        coalesce(
            countries.country,
            case
                when {{ matches("golden_records.country", "^[A-Za-z]{2}$") }}
                    then upper(golden_records.country)
                else golden_records.country
            end
        ) as country,
        golden_records.birth_date,
        customers.sources,
        customers.record_count,
        customers.first_seen_at,
        customers.last_seen_at

    from customers
    left join golden_records
        on golden_records.customer_id = customers.customer_id
    left join countries
        on countries.country_name = lower(golden_records.country)

)

select * from final
