with

receipt_lines as (

    select * from {{ ref("int_receipt_lines") }}

),

refunds as (

    select
        refunded_receipt_id,
        {{ sum_amount("discounted_amount") }} as refund_amount

    from receipt_lines

    where refunded_receipt_id is not null

    group by refunded_receipt_id

),

numbered_lines as (

    -- what came back of a known receipt is a refund of that one
    select
        receipt_lines.*,
        case when is_return then -1 else 1 end as direction,

        row_number() over (
            partition by receipt_id
            order by _file_id asc, _line asc
        ) as line_number

    from receipt_lines

    where refunded_receipt_id is null

),

receipts as (

    select
        receipt_id,
        min(receipt_number) as receipt_number,
        min(loyalty_card) as loyalty_card,
        min(currency) as currency,
        {{ sum_amount("direction * (gross_amount - discounted_amount)") }}
            as discount_amount,
        {{ sum_amount("direction * discounted_amount") }} as discounted_amount,
        {{ sum_amount("direction * (gross_amount - discount_amount)") }}
            as computed_amount,
        max(case when is_return then 0 else 1 end) = 1 as has_sale,
        max(case when is_return is null then 1 else 0 end) = 1 as is_direction_unknown,
        max(case when is_discount_imputed then 1 else 0 end) = 1 as is_discount_imputed,
        min(sold_at) as sold_at,
        min(case when line_number = 1 then _file_id end) as _file_id,
        min(case when line_number = 1 then _line end) as _line

    from numbered_lines

    group by receipt_id

),

final as (

    select
        -- ids
        concat('pos:', receipts.receipt_id) as order_id,
        'pos' as source,
        'receipts' as export,
        -- who brings goods back that nobody knows of has bought nothing
        case
            when receipts.has_sale and receipts.loyalty_card is not null
                then {{ surrogate_key(["receipts.loyalty_card"]) }}
        end as record_id,
        receipts.receipt_number as order_number,
        receipts._file_id,
        receipts._line,

        -- strings
        case
            when receipts.is_direction_unknown then 'pending'
            when not receipts.has_sale then 'refunded'
            when refunds.refund_amount >= receipts.discounted_amount then 'refunded'
            when refunds.refund_amount > 0 then 'partially_refunded'
            else 'fulfilled'
        end as status,
        receipts.currency,
        cast(null as {{ dbt.type_string() }}) as discount_code,

        -- numbers
        receipts.discount_amount,
        coalesce(refunds.refund_amount, cast(0 as decimal(38, 6))) as refund_amount,
        case when not receipts.is_discount_imputed then receipts.computed_amount end
            as stated_subtotal_amount,

        -- booleans
        receipts.is_direction_unknown as is_status_imputed,
        receipts.is_discount_imputed,
        false as is_refund_imputed,

        -- timestamps
        receipts.sold_at as ordered_at

    from receipts
    left join refunds
        on refunds.refunded_receipt_id = receipts.receipt_id

)

select * from final
