-- Most checkouts that nobody finished are lost. A list of a hundred that all came back
-- was filtered before it was delivered.
{{ config(severity="warn") }}

select count(*) as checkouts

from {{ ref("stg_shopify__abandoned_checkouts") }}

where is_first_line

having
    count(*) >= 100
    and max(case when is_recovered then 0 else 1 end) = 0
