{#
    Words and scales of surveys, feedback, loyalty programmes, calls, questionnaires and
    tickets. A word is told from others by its letters alone.
#}

{# How likely somebody is to recommend us, 0 to 10. #}
{% macro parse_nps_score_integer(text) -%}
    case when {{ parse_integer(text) }} between 0 and 10 then {{ parse_integer(text) }} end
{%- endmacro %}

{# Marks from 1 to 5. #}
{% macro parse_rating_integer(text) -%}
    case when {{ parse_integer(text) }} between 1 and 5 then {{ parse_integer(text) }} end
{%- endmacro %}

{# No seconds or more. #}
{% macro parse_seconds_integer(text) -%}
    {{ kept_if(parse_integer(text), ">= 0") }}
{%- endmacro %}

{% macro parse_feedback_kind(text) -%}
    {{ parse_synonym(text, {
        "praise": ["praise", "благодарность", "отзыв"],
        "complaint": ["complaint", "негатив", "жалоба", "претензия"],
        "question": ["question", "вопрос"],
        "suggestion": ["suggestion", "предложение", "пожелание"],
        "other": ["other", "другое", "прочее"],
    }) }}
{%- endmacro %}

{# Where people write or speak to us; by mail means a letter that came in. #}
{% macro parse_contact_channel(text) -%}
    {{ parse_synonym(text, {
        "email": ["email", "e-mail", "incoming mail", "почта", "входящее письмо"],
        "phone": ["phone", "call", "телефон", "звонок"],
        "web_form": ["web_form", "web form", "form", "site", "форма на сайте", "сайт"],
        "chat": ["chat", "чат"],
        "messenger": ["messenger", "whatsapp", "viber", "telegram", "мессенджер"],
        "social": ["social", "соцсети"],
        "in_person": ["in_person", "in person", "store", "магазин", "лично"],
    }) }}
{%- endmacro %}

{% macro parse_churn_reason(text) -%}
    {{ parse_synonym(text, {
        "price": ["price", "цена", "дорого"],
        "quality": ["quality", "качество"],
        "service": ["service", "обслуживание", "сервис"],
        "delivery": ["delivery", "доставка"],
        "assortment": ["assortment", "ассортимент"],
        "competitor": ["competitor", "конкурент", "ушёл к конкуренту", "ушел к конкуренту"],
        "messages": ["messages", "рассылки", "навязчивая реклама"],
        "no_need": ["no need", "no_need", "нет потребности"],
        "moved": ["moved", "переезд"],
        "other": ["other", "другое", "прочее"],
        "not_given": ["not given", "not_given", "не назвал", "не указана"],
    }) }}
{%- endmacro %}

{% macro parse_points_operation(text) -%}
    {{ parse_synonym(text, {
        "earn": ["earn", "начисление"],
        "spend": ["spend", "списание", "оплата баллами"],
        "expire": ["expire", "сгорание"],
        "adjust": ["adjust", "корректировка"],
        "refund": ["refund", "возврат"],
    }) }}
{%- endmacro %}

{% macro parse_call_direction(text) -%}
    {{ parse_synonym(text, {
        "in": ["in", "inbound", "incoming", "входящий"],
        "out": ["out", "outbound", "outgoing", "исходящий"],
    }) }}
{%- endmacro %}

{% macro parse_call_result(text) -%}
    {{ parse_synonym(text, {
        "answered": ["answered", "отвечен", "отвечено", "состоялся"],
        "missed": ["missed", "no answer", "пропущен", "не отвечен", "нет ответа"],
        "busy": ["busy", "занято"],
        "callback": ["callback", "перезвонить", "обратный звонок"],
        "voicemail": ["voicemail", "голосовая почта"],
    }) }}
{%- endmacro %}

{% macro parse_sex(text) -%}
    {{ parse_synonym(text, {
        "female": ["female", "f", "ж", "жен", "жен.", "женский"],
        "male": ["male", "m", "м", "муж", "муж.", "мужской"],
    }) }}
{%- endmacro %}

{% macro parse_ticket_status(text) -%}
    {{ parse_synonym(text, {
        "new": ["new", "новая", "новый"],
        "open": ["open", "in progress", "открыта", "в работе"],
        "pending": ["pending", "waiting for customer", "ожидание", "ждёт клиента"],
        "on_hold": ["on hold", "on-hold", "on_hold", "отложена"],
        "solved": ["solved", "resolved", "решена", "выполнена"],
        "closed": ["closed", "закрыта"],
        "cancelled": ["cancelled", "canceled", "отменена", "отозвана"],
    }) }}
{%- endmacro %}
