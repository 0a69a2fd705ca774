{% set shops = [
    "shopify", "woocommerce", "insales", "bitrix_shop", "pos", "online_retail",
] -%}

with

orders as (

    {% for shop in shops %}
    select * from {{ ref("int_orders__" ~ shop) }}
    {% if not loop.last %}
    union all
    {% endif %}
    {% endfor %}

),

order_lines as (

    select * from {{ ref("int_order_lines") }}

),

product_costs as (

    select * from {{ ref("int_product_costs") }}

),

fx_rates as (

    select * from {{ ref("int_fx_rates") }}

),

order_totals as (

    select
        order_lines.order_id,
        count(*) as line_count,
        cast(round(sum(order_lines.quantity), 0) as bigint) as piece_count,
        {{ sum_amount("order_lines.gross_amount") }} as gross_amount,
        case
            when count(*) = count(product_costs.unit_cost)
                then {{ in_millionths(
                    "sum(order_lines.quantity * product_costs.unit_cost)"
                ) }}
        end as cost_of_goods

    from order_lines
    left join product_costs
        on product_costs.source = order_lines.source
        and product_costs.sku = order_lines.sku

    group by order_lines.order_id

),

discounted as (

    select
        orders.*,
        order_totals.line_count,
        order_totals.piece_count,
        order_totals.gross_amount,
        order_totals.cost_of_goods,
        cast(
            order_totals.gross_amount - coalesce(orders.discount_amount, 0)
            as decimal(38, 6)
        ) as discounted_amount

    from orders
    inner join order_totals
        on order_totals.order_id = orders.order_id

),

refunded as (

    select
        discounted.*,
        case
            when refund_amount is not null then refund_amount
            -- of what was refunded nobody knows how much: all of it
            when status = 'refunded' then discounted_amount
            else cast(0 as decimal(38, 6))
        end as known_refund_amount

    from discounted

),

priced as (

    select
        refunded.*,
        {{ business_day("ordered_at") }} as ordered_on,
        cast(discounted_amount - known_refund_amount as decimal(38, 6)) as net_amount,
        status in ('paid', 'fulfilled', 'partially_refunded', 'refunded') as is_paid

    from refunded

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
        coalesce(priced.discount_amount, 0) as discount_amount,
        priced.known_refund_amount as refund_amount,
        priced.stated_subtotal_amount,
        priced.net_amount,
        priced.cost_of_goods,
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

    where {{ until_as_of("priced.ordered_at") }}

)

select * from final
