with

invoice_lines as (

    select * from {{ ref("stg_online_retail__invoice_lines") }}

),

numbered_lines as (

    select
        invoice_lines.*,

        row_number() over (
            partition by invoice_id
            order by invoiced_at asc, _file_id asc, _line asc
        ) as line_number

    from invoice_lines

),

final as (

    -- minutes may differ within an invoice; it counts from its first line
    select
        -- ids
        concat('online_retail:', invoice_id) as order_id,
        'online_retail' as source,
        'invoice_lines' as export,
        min(online_retail_customer_id) as record_id,
        invoice_id as order_number,
        min(case when line_number = 1 then _file_id end) as _file_id,
        min(case when line_number = 1 then _line end) as _line,

        -- strings
        case when min(invoice_id) like 'C%' then 'cancelled' else 'paid' end as status,
        min(currency) as currency,
        cast(null as {{ dbt.type_string() }}) as discount_code,

        -- numbers
        cast(0 as decimal(38, 6)) as discount_amount,
        cast(0 as decimal(38, 6)) as refund_amount,
        cast(null as decimal(38, 6)) as stated_subtotal_amount,

        -- booleans
        false as is_status_imputed,
        false as is_discount_imputed,
        false as is_refund_imputed,

        -- timestamps
        min(invoiced_at) as ordered_at

    from numbered_lines

    group by invoice_id

)

select * from final
