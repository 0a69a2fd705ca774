{# Words that columns of messages can hold. A word is told from others by its letters alone. #}

{% macro parse_message_event(text) -%}
    {{ parse_word(text, [
        "processed", "deferred", "delivered", "open", "click", "bounce", "dropped",
        "spamreport", "unsubscribe", "group_unsubscribe", "group_resubscribe",
    ]) }}
{%- endmacro %}

{# What a recipient did with a campaign of Mailchimp. #}
{% macro parse_campaign_action(text) -%}
    {{ parse_word(text, ["open", "click", "bounce"]) }}
{%- endmacro %}

{% macro parse_bounce_kind(text) -%}
    {{ parse_word(text, ["hard", "soft"]) }}
{%- endmacro %}

{% macro parse_profile_consent(text) -%}
    {{ parse_word(text, ["subscribed", "unsubscribed", "never_subscribed"]) }}
{%- endmacro %}

{#
    Why Klaviyo writes to a profile no more: `[]` for no reason, which is `none`, or a
    list such as `["UNSUBSCRIBED", "HARD_BOUNCE"]`, of which what the person did counts
    before what the address did.
#}
{% macro parse_profile_suppression(text) -%}
    case
        when {{ matches_whole(
            "upper(" ~ text ~ ")",
            "[\\[\\]\"'' ,]*((SPAM_COMPLAINT|UNSUBSCRIBED?|USER_SUPPRESSED|HARD_BOUNCE|INVALID_EMAIL)[\\[\\]\"'' ,]*)*"
        ) }}
            then case
                when upper({{ text }}) like '%SPAM_COMPLAINT%' then 'spam_complaint'
                when upper({{ text }}) like '%UNSUBSCRIBE%' then 'unsubscribed'
                when upper({{ text }}) like '%USER_SUPPRESSED%' then 'user_suppressed'
                when upper({{ text }}) like '%HARD_BOUNCE%' then 'hard_bounce'
                when upper({{ text }}) like '%INVALID_EMAIL%' then 'invalid_email'
                else 'none'
            end
    end
{%- endmacro %}

{# The status of an address or of a number of a contact at Unisender. #}
{% macro parse_contact_status(text) -%}
    {{ parse_word(text, [
        "new", "invited", "active", "inactive", "unsubscribed", "blocked",
        "activation_requested",
    ]) }}
{%- endmacro %}

{# Whether mail reaches a contact of Unisender. #}
{% macro parse_contact_availability(text) -%}
    {{ parse_word(text, [
        "available", "unreachable", "temp_unreachable", "mailbox_full",
        "spam_rejected", "spam_folder",
    ]) }}
{%- endmacro %}

{# The last thing that Unisender knows of a message. #}
{% macro parse_send_result(text) -%}
    {{ parse_word(text, [
        "not_sent", "ok_sent", "ok_delivered", "ok_read", "ok_link_visited",
        "ok_unsubscribed", "ok_resubscribed", "ok_spam_folder", "ok_fbl",
        "err_user_unknown", "err_user_inactive", "err_mailbox_full",
        "err_mailbox_discarded", "err_spam_rejected", "err_spam_folder",
        "err_spam_retry", "err_spam_skipped", "err_spam_removed", "err_too_large",
        "err_giveup", "err_delivery_failed", "err_will_retry", "err_resend",
        "err_domain_inactive", "err_destination_misconfigured", "err_skip_letter",
        "err_unsubscribed", "err_blacklisted", "err_src_invalid", "err_dest_invalid",
        "err_not_available", "err_not_allowed", "err_lost", "err_internal",
        "skip_dup_unreachable", "skip_dup_temp_unreachable", "skip_dup_mailbox_full",
    ]) }}
{%- endmacro %}

{% macro parse_message_channel(text) -%}
    {{ parse_word(text, [
        "sms", "push", "web_push", "whatsapp", "viber", "telegram", "chat_bot",
    ]) }}
{%- endmacro %}

{# What became of a message; `stopped` is a STOP in reply, or a bot blocked. #}
{% macro parse_delivery_event(text) -%}
    {{ parse_word(text, [
        "queued", "sent", "delivered", "read", "clicked", "replied", "failed",
        "undelivered", "stopped",
    ]) }}
{%- endmacro %}

{# What a visitor did on the site or in the app. #}
{% macro parse_site_event(text) -%}
    {{ parse_word(text, [
        "page_view", "download", "form_submit", "search", "faq", "chat", "feedback",
        "add_to_cart", "checkout", "purchase", "login", "logout", "profile_update",
        "order_status", "ad_view",
    ]) }}
{%- endmacro %}
