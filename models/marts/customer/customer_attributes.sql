with

attribute_values as (

    select * from {{ ref("int_attribute_values") }}

),

final as (

    select
        customer_id,
        attribute,
        attribute_value,
        preference = 1 as is_chosen,
        chosen_by,
        confidence,
        record_count,
        sources,
        first_seen_at,
        last_seen_at

    from attribute_values

)

select * from final
