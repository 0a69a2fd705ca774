with

invoice_lines as (

    select * from {{ ref("stg_online_retail__invoice_lines") }}

    where online_retail_customer_id is not null

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
        min(invoiced_at) as first_invoiced_at,
        max(invoiced_at) as last_invoiced_at,
        min(case when line_number = 1 then country end) as invoice_country,
        min(case when line_number = 1 then _file_id end) as _file_id,
        min(case when line_number = 1 then _line end) as _line

    from numbered_lines

    group by online_retail_customer_id

),

final as (

    select
        {{ source_record(
            "online_retail", "invoice_lines",
            record_id="online_retail_customer_id",
            country="invoice_country",
            first_seen_at="first_invoiced_at",
            last_seen_at="last_invoiced_at"
        ) }}

    from invoice_customers

)

select * from final
