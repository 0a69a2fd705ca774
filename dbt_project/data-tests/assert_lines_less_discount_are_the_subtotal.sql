-- A shop that states the subtotal of an order itself: where it is another one than lines
-- less discount, lines are missing or amounts are in another unit. It warns, since a
-- shop may have counted otherwise.
{{ config(severity="warn") }}

select
    order_id,
    stated_subtotal_amount,
    gross_amount - discount_amount as lines_less_discount

from {{ ref("int_orders") }}

where abs(gross_amount - discount_amount - stated_subtotal_amount) > 0.01
