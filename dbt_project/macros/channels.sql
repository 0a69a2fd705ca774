{# The contact channel of seeds/channels.csv that a kind of message belongs to. #}
{% macro message_channel(kind) -%}
    case
        when {{ kind }} = 'sms' then 'sms'
        when {{ kind }} in ('push', 'web_push') then 'push'
        when {{ kind }} is not null then 'messenger'
    end
{%- endmacro %}


{#
    A source of traffic by its name alone, as it stands in seeds/traffic_sources.csv:
    `https://m.vk.com/` gives the host m.vk.com, and that vk.
#}
{% macro traffic_source_name(source) -%}
    {{ with_pattern_replaced(
        with_pattern_replaced(source, "^(m|l|lm|away|out)[.]", ""),
        "[.](com|ru|net|org|co|su|com[.][a-z][a-z]|co[.][a-z][a-z]|[a-z][a-z])$", ""
    ) }}
{%- endmacro %}


{#
    GA4's default channel group of a visit, by its published rules, in their order. All
    texts are lower case; the category is that of the source in seeds/traffic_sources.csv.
#}
{% macro default_channel_group(source, medium, campaign, category) -%}
    {%- set is_paid = matches_whole(medium, "(.*cp.*|ppc|retargeting|paid.*)") -%}
    {%- set is_shopping -%}
        ({{ category }} = 'shopping' or {{ matches_whole(
            campaign, "(.*(([^a-df-z]|^)shop|shopping).*)"
        ) }})
    {%- endset -%}
    case
        when
            coalesce({{ source }}, '(direct)') = '(direct)'
            and coalesce({{ medium }}, '(none)') in ('(none)', '(not set)')
            then 'Direct'
        when {{ campaign }} like '%cross-network%' then 'Cross-network'
        when {{ is_shopping }} and {{ is_paid }} then 'Paid Shopping'
        when {{ category }} = 'search' and {{ is_paid }} then 'Paid Search'
        when {{ category }} = 'social' and {{ is_paid }} then 'Paid Social'
        when {{ category }} = 'video' and {{ is_paid }} then 'Paid Video'
        when {{ medium }} in ('display', 'banner', 'expandable', 'interstitial', 'cpm')
            then 'Display'
        when {{ is_paid }} then 'Paid Other'
        when {{ is_shopping }} then 'Organic Shopping'
        when
            {{ category }} = 'social'
            or {{ medium }} in (
                'social', 'social-network', 'social-media', 'sm', 'social network',
                'social media'
            )
            then 'Organic Social'
        when {{ category }} = 'video' or {{ medium }} like '%video%'
            then 'Organic Video'
        when {{ category }} = 'search' or {{ medium }} = 'organic'
            then 'Organic Search'
        when {{ medium }} in ('referral', 'app', 'link') then 'Referral'
        when
            {{ source }} in ('email', 'e-mail', 'e_mail', 'e mail')
            or {{ medium }} in ('email', 'e-mail', 'e_mail', 'e mail')
            then 'Email'
        when {{ medium }} = 'affiliate' then 'Affiliates'
        when {{ medium }} = 'audio' then 'Audio'
        when {{ source }} = 'sms' or {{ medium }} = 'sms' then 'SMS'
        when
            {{ medium }} like '%push'
            or {{ medium }} like '%mobile%'
            or {{ medium }} like '%notification%'
            or {{ source }} = 'firebase'
            then 'Mobile Push Notifications'
        else 'Unassigned'
    end
{%- endmacro %}
