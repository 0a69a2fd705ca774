with

shop_rows as (

    select * from {{ ref("stg_shopify__orders") }}

    where shopify_order_id is not null

),

invoice_lines as (

    select * from {{ ref("stg_online_retail__invoice_lines") }}

),

order_lines as (

    select * from {{ ref("int_order_lines") }}

),

fx_rates as (

    select * from {{ ref("int_fx_rates") }}

),

shop_orders as (

    select
        concat('shopify:', shopify_order_id) as order_id,
        'shopify' as source,
        'orders' as export,
        shopify_order_id as record_id,
        order_name as order_number,
        currency,
        case
            when financial_status in ('refunded', 'partially_refunded')
                then financial_status
            when cancelled_at is not null or financial_status = 'voided'
                then 'cancelled'
            when financial_status = 'expired' then 'failed'
            when financial_status = 'paid' and fulfillment_status = 'fulfilled'
                then 'fulfilled'
            when financial_status = 'paid' then 'paid'
            -- authorized, partially paid, or not known: no revenue yet
            else 'pending'
        end as status,
        coalesce(order_discount_amount, 0) as discount_amount,
        coalesce(order_refund_amount, 0) as refund_amount,
        order_subtotal_amount as stated_subtotal_amount,
        discount_code,
        financial_status is null and cancelled_at is null as is_status_imputed,
        order_discount_amount is null as is_discount_imputed,
        order_refund_amount is null as is_refund_imputed,
        ordered_at,
        _file_id,
        _line

    from shop_rows

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

invoices as (

    -- minutes may differ within an invoice; it counts from its first line
    select
        concat('online_retail:', invoice_id) as order_id,
        'online_retail' as source,
        'invoice_lines' as export,
        min(online_retail_customer_id) as record_id,
        invoice_id as order_number,
        min(currency) as currency,
        case when min(invoice_id) like 'C%' then 'cancelled' else 'paid' end as status,
        cast(0 as decimal(38, 6)) as discount_amount,
        cast(0 as decimal(38, 6)) as refund_amount,
        cast(null as decimal(38, 6)) as stated_subtotal_amount,
        cast(null as {{ dbt.type_string() }}) as discount_code,
        false as is_status_imputed,
        false as is_discount_imputed,
        false as is_refund_imputed,
        min(invoiced_at) as ordered_at,
        min(case when line_number = 1 then _file_id end) as _file_id,
        min(case when line_number = 1 then _line end) as _line

    from numbered_lines

    group by invoice_id

),

orders as (

    select * from shop_orders
    union all
    select * from invoices

),

order_totals as (

    select
        order_id,
        count(*) as line_count,
        cast(sum(quantity) as bigint) as piece_count,
        {{ sum_amount("gross_amount") }} as gross_amount

    from order_lines

    group by order_id

),

priced as (

    select
        orders.*,
        {{ business_day("orders.ordered_at") }} as ordered_on,
        order_totals.line_count,
        order_totals.piece_count,
        order_totals.gross_amount,
        cast(
            order_totals.gross_amount - orders.discount_amount - orders.refund_amount
            as decimal(38, 6)
        ) as net_amount,
        orders.status in ('paid', 'fulfilled', 'partially_refunded', 'refunded')
            as is_paid

    from orders
    inner join order_totals
        on order_totals.order_id = orders.order_id

),

final as (

    select
        -- ids
        priced.order_id,
        priced.source,
        priced.export,
        priced.record_id,
        priced.order_number,
        priced._file_id,
        priced._line,

        -- strings
        priced.status,
        priced.currency,
        priced.discount_code,

        -- numbers
        priced.line_count,
        priced.piece_count,
        priced.gross_amount,
        priced.discount_amount,
        priced.refund_amount,
        priced.stated_subtotal_amount,
        priced.net_amount,
        fx_rates.fx_rate,
        {{ converted("priced.gross_amount", "fx_rates.fx_rate") }} as gross_amount_base,
        {{ converted("priced.net_amount", "fx_rates.fx_rate") }} as net_amount_base,

        -- booleans
        priced.is_paid,
        priced.is_status_imputed,
        priced.is_discount_imputed,
        priced.is_refund_imputed,

        -- dates and timestamps
        priced.ordered_on,
        fx_rates.valid_from as fx_rate_on,
        priced.ordered_at

    from priced
    left join fx_rates
        on fx_rates.currency = priced.currency
        and fx_rates.valid_from <= priced.ordered_on
        and fx_rates.valid_until > priced.ordered_on

    where priced.ordered_on <= {{ as_of_date() }}

)

select * from final
