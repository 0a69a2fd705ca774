with

calls as (

    select * from {{ ref("stg_call_centre__calls") }}

),

tickets as (

    select * from {{ ref("stg_service_desk__tickets") }}

),

feedback_messages as (

    select * from {{ ref("stg_feedback__messages") }}

),

visits as (

    select * from {{ ref("int_visits") }}

    where customer_id is not null

),

customer_ids as (

    select * from {{ ref("stg_identity__customer_ids") }}

),

recorded as (

    select
        'call_centre' as source,
        'calls' as export,
        call_id as record_id,
        'call' as interaction_kind,
        'phone' as contact_channel,
        direction,
        call_result as outcome,
        agent,
        duration_seconds,
        cast(null as bigint) as rating,
        started_at as happened_at,
        _file_id,
        _line

    from calls

    union all

    select
        'service_desk' as source,
        'tickets' as export,
        ticket_id as record_id,
        'ticket' as interaction_kind,
        channel as contact_channel,
        'in' as direction,
        status as outcome,
        agent,
        cast(null as bigint) as duration_seconds,
        satisfaction_score as rating,
        opened_at as happened_at,
        _file_id,
        _line

    from tickets

    union all

    select
        'feedback' as source,
        'messages' as export,
        message_id as record_id,
        'feedback' as interaction_kind,
        channel as contact_channel,
        'in' as direction,
        feedback_kind as outcome,
        cast(null as {{ dbt.type_string() }}) as agent,
        cast(null as bigint) as duration_seconds,
        rating,
        sent_at as happened_at,
        _file_id,
        _line

    from feedback_messages

),

interactions as (

    select
        concat(recorded.source, ':', recorded.record_id) as interaction_id,
        coalesce(customer_ids.customer_id, 'unassigned') as customer_id,
        recorded.source,
        recorded.interaction_kind,
        recorded.contact_channel,
        recorded.direction,
        recorded.outcome,
        recorded.agent,
        recorded.duration_seconds,
        recorded.rating,
        recorded.happened_at,
        recorded._file_id,
        recorded._line

    from recorded
    left join customer_ids
        on customer_ids.source = recorded.source
        and customer_ids.export = recorded.export
        and customer_ids.record_id = recorded.record_id

    union all

    select
        concat('visit:', visit_id) as interaction_id,
        customer_id,
        source,
        'visit' as interaction_kind,
        'site' as contact_channel,
        'in' as direction,
        cast(null as {{ dbt.type_string() }}) as outcome,
        cast(null as {{ dbt.type_string() }}) as agent,
        {{ seconds_between("started_at", "ended_at") }} as duration_seconds,
        cast(null as bigint) as rating,
        started_at as happened_at,
        _file_id,
        _line

    from visits

),

final as (

    select
        -- ids
        interaction_id,
        customer_id,
        source,
        _file_id,
        _line,

        -- strings
        interaction_kind,
        contact_channel,
        direction,
        outcome,
        agent,

        -- numbers
        cast(duration_seconds as bigint) as duration_seconds,
        cast(rating as bigint) as rating,

        -- dates and timestamps
        {{ business_day("happened_at") }} as happened_on,
        happened_at

    from interactions

    where {{ until_as_of("happened_at") }}

)

select * from final
