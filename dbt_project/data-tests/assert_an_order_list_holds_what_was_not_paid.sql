-- Some orders are cancelled, sent back or never paid everywhere. A list of a hundred that
-- all went well was filtered before it was delivered.
{{ config(severity="warn") }}

select
    source,
    count(*) as orders

from {{ ref("int_orders") }}

group by source

having
    count(*) >= 100
    and max(case when status in ('paid', 'fulfilled') then 0 else 1 end) = 0
