{#- Exports that can withdraw consent by telephone: columns of numbers, and channels. -#}
{% set exports = [
    ("messaging", "deliveries", ["phone"], ["sms", "messenger"]),
    ("call_centre", "calls", ["phone"], ["call_centre"]),
    ("klaviyo", "profiles", ["phone_number"], ["sms"]),
    ("unisender", "contacts", ["phone"], ["sms"]),
    ("questionnaires", "answers", ["phone"], ["sms"]),
    (
        "salesforce", "contacts",
        ["phone", "mobile_phone", "home_phone", "other_phone"], ["call_centre"],
    ),
] -%}

with

held as (

    select
        source,
        export,
        file_id,
        line

    from {{ source("quality", "quarantine") }}

    where
        severity = 'critical'
        and status <> 'repaired'

    group by
        source,
        export,
        file_id,
        line

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

texts_in_lines as (

    select * from {{ source("quality", "held_phone_texts") }}

),

held_texts as (

    {% for source_name, export, columns, channels in exports %}
    {% set exported = loop %}
    {% for channel in channels %}
    select
        '{{ channel }}' as channel,
        contact_text

    from texts_in_lines

    where
        source = '{{ source_name }}'
        and export = '{{ export }}'

    union all

    {% endfor %}
    {% for column in columns %}
    {% set written = loop %}
    {% for channel in channels %}
    select
        '{{ channel }}' as channel,
        delivered.{{ column }} as contact_text

    from {{ source(source_name, export) }} as delivered
    inner join held
        on held.file_id = delivered._file_id
        and held.line = delivered._line
        and held.source = '{{ source_name }}'
        and held.export = '{{ export }}'
    {% if not (exported.last and written.last and loop.last) %}

    union all

    {% endif %}
    {% endfor %}
    {% endfor %}
    {% endfor %}

),

final as (

    -- a withdrawal counts for the number that a mistyped one stands for
    select
        held_texts.channel,
        coalesce(phones.phone, phones.suggestion) as phone

    from held_texts
    inner join phones
        on phones.contact_text = held_texts.contact_text

    where coalesce(phones.phone, phones.suggestion) is not null

    group by
        held_texts.channel,
        coalesce(phones.phone, phones.suggestion)

)

select * from final
