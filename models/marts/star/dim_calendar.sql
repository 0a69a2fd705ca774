with

kpi_facts as (

    select * from {{ ref("kpi_facts") }}

),

messages as (

    select * from {{ ref("messages") }}

),

touchpoints as (

    select * from {{ ref("touchpoints") }}

),

nps_responses as (

    select * from {{ ref("nps_responses") }}

),

loyalty_ledger as (

    select * from {{ ref("loyalty_ledger") }}

),

deals as (

    select * from {{ ref("deals") }}

),

interactions as (

    select * from {{ ref("interactions") }}

),

first_days as (

    select min(fact_on) as first_day from kpi_facts
    union all
    select min(sent_on) as first_day from messages
    union all
    select min(happened_on) as first_day from touchpoints
    union all
    select min(responded_on) as first_day from nps_responses
    union all
    select min(happened_on) as first_day from loyalty_ledger
    union all
    select min(created_on) as first_day from deals
    union all
    select min(happened_on) as first_day from interactions

),

bounds as (

    -- whole years, so that a year is compared with the same days of the one before
    select {{ period_start("min(first_day)", "year") }} as first_day from first_days

),

days as (

    {{ day_series("(select first_day from bounds)", as_of_date(), "calendar_day") }}

),

started as (

    select
        calendar_day,
        {% for grain in ["week", "month", "quarter", "half_year", "year"] -%}
        {{ period_start("calendar_day", grain) }} as {{ grain }}_start,
        {% endfor -%}
        cast(split_part(cast(calendar_day as {{ dbt.type_string() }}), '-', 1) as integer)
            as year_number,
        cast(split_part(cast(calendar_day as {{ dbt.type_string() }}), '-', 2) as integer)
            as month_number,
        -- an ISO week is of the year that its Thursday lies in
        {{ days_after(period_start("calendar_day", "week"), 3) }} as thursday

    from days

    where calendar_day is not null

),

numbered as (

    select
        started.*,
        cast({{ whole_quotient("month_number + 2", 3) }} as integer) as quarter_number,
        cast({{ whole_quotient("month_number + 5", 6) }} as integer) as half_year_number,
        cast(split_part(cast(thursday as {{ dbt.type_string() }}), '-', 1) as integer)
            as iso_year,
        cast(
            1 + {{ whole_quotient(
                days_between(period_start("thursday", "year"), "thursday"), 7
            ) }} as integer
        ) as iso_week,
        cast(1 + {{ days_between("week_start", "calendar_day") }} as integer)
            as weekday_number

    from started

),

final as (

    select
        -- the day, and the first day of every period that it lies in
        calendar_day,
        week_start,
        month_start,
        quarter_start,
        half_year_start,
        year_start,

        -- the same periods as `crm360 explain kpi` reads them
        concat(iso_year, case when iso_week < 10 then '-W0' else '-W' end, iso_week)
            as week_label,
        concat(year_number, case when month_number < 10 then '-0' else '-' end, month_number)
            as month_label,
        concat(year_number, '-Q', quarter_number) as quarter_label,
        concat(year_number, '-H', half_year_number) as half_year_label,

        -- numbers
        year_number,
        half_year_number,
        quarter_number,
        month_number,
        iso_year,
        iso_week,
        weekday_number

    from numbered

)

select * from final
