with

accepted as (

    {{ accepted_rows("online_retail", "invoice_lines") }}

),

newest_deliveries as (

    select
        invoice_no,
        max(_delivery) as _delivery

    from accepted

    group by invoice_no

),

final as (

    select
        -- ids
        {{ parse_id("accepted.invoice_no") }} as invoice_id,
        {{ parse_id("accepted.customer_id") }} as online_retail_customer_id,
        {{ parse_text("accepted.stock_code") }} as sku,
        accepted._file_id,
        accepted._line,

        -- strings
        {{ parse_text("accepted.description") }} as product_name,
        {{ parse_text("accepted.country") }} as country,
        'GBP' as currency,

        -- numbers
        {{ parse_integer("accepted.quantity") }} as quantity,
        {{ parse_positive_amount("accepted.unit_price") }} as unit_price,

        -- booleans
        {{ parse_id("accepted.invoice_no") }} like 'C%' as is_cancellation,

        -- timestamps
        {{ parse_us_local_timestamp("accepted.invoice_date") }} as invoiced_at

    from accepted
    inner join newest_deliveries
        on newest_deliveries.invoice_no = accepted.invoice_no
        and newest_deliveries._delivery = accepted._delivery

)

select * from final
