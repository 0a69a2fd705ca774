-- People fail to pay everywhere. A log of a hundred attempts that all went well was
-- filtered before it was delivered, and says nothing about why buyers give up.
{{ config(severity="warn") }}

select count(*) as attempts

from {{ ref("stg_payments__attempts") }}

where not is_status_imputed

having
    count(*) >= 100
    and max(case when status in ('failed', 'interrupted') then 1 else 0 end) = 0
