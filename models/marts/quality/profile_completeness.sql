{%- set attributes = var("profile_attributes") -%}

with

profiles as (

    select * from {{ ref("int_contact_profiles") }}

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

counted as (

    select
        profiles.*,
        {% for attribute in attributes %}
        case when {{ attribute }} is null then 0 else 1 end
        {{ "+" if not loop.last }}
        {% endfor %}
            as filled_count,
        concat(
            {% for attribute in attributes %}
            case when {{ attribute }} is null then ' {{ attribute }}' else '' end
            {{- "," if not loop.last }}
            {% endfor %}
        ) as missing_words

    from profiles

),

final as (

    select
        -- ids
        counted.source,
        counted.export,
        counted.record_id,
        customer_ids.customer_id,
        counted._file_id,
        counted._line,

        -- strings
        counted.owner,
        nullif(replace(trim(counted.missing_words), ' ', ', '), '')
            as missing_attributes,

        -- numbers
        counted.filled_count as filled_attribute_count,
        {{ attributes | length }} as attribute_count,
        {{ ratio("counted.filled_count", attributes | length) }} as completeness

    from counted
    left join customer_ids
        on customer_ids.source = counted.source
        and customer_ids.export = counted.export
        and customer_ids.record_id = counted.record_id

)

select * from final
