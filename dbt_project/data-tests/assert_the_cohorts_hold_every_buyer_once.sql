-- Every buyer belongs to the cohort of one month, so the cohorts are as many people as
-- rfm has rows.
{{ config(meta={"dagster": {"ref": {"name": "cohort_retention"}}}) }}

with

cohort_retention as (

    select * from {{ ref("cohort_retention") }}

    where month_number = 0

),

rfm as (

    select * from {{ ref("rfm") }}

),

cohort_members as (

    select coalesce(sum(cohort_size), 0) as customer_count from cohort_retention

),

buyers as (

    select count(*) as customer_count from rfm

),

final as (

    select
        cohort_members.customer_count as customers_in_cohorts,
        buyers.customer_count as buyers

    from cohort_members
    cross join buyers

    where cohort_members.customer_count <> buyers.customer_count

)

select * from final
