with

deals as (

    select * from {{ ref("int_deals") }}

),

hubspot_stages as (

    select * from {{ ref("stg_hubspot__deal_stages") }}

),

amocrm_stages as (

    select * from {{ ref("stg_amocrm__deal_stages") }}

),

bitrix24_stages as (

    select * from {{ ref("stg_bitrix24__deal_stages") }}

),

deal_stages as (

    select * from {{ ref("deal_stages") }}

),

seen_stages as (

    {% for source in ["hubspot", "amocrm", "bitrix24"] -%}
    select
        concat('{{ source }}:', deal_id) as deal_id,
        '{{ source }}' as source,
        stage,
        first_seen_at

    from {{ source }}_stages

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

told as (

    select
        deal_id,
        1 as step_number,
        coalesce(created_at, modified_at) as told_at

    from deals

    union all

    select
        seen_stages.deal_id,
        deal_stages.step_number,
        seen_stages.first_seen_at as told_at

    from seen_stages
    inner join deal_stages
        on deal_stages.source = seen_stages.source
        and deal_stages.stage = seen_stages.stage

    union all

    -- won is won, whatever a team calls the stage
    select
        deal_id,
        5 as step_number,
        coalesce(modified_at, created_at) as told_at

    from deals

    where deal_status = 'won'

),

-- who is at a step has passed those before it
reached as (

    {% for step_number in [1, 2, 3, 4, 5] -%}
    select
        deal_id,
        {{ step_number }} as step_number,
        min(told_at) as reached_at

    from told

    where step_number >= {{ step_number }}

    group by deal_id

    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

final as (

    select
        deals.deal_id,
        deals.source,
        reached.step_number,
        deals.created_on,
        reached.reached_at

    from reached
    inner join deals
        on deals.deal_id = reached.deal_id

    where {{ until_as_of("reached.reached_at") }}

)

select * from final
