with

latest as (

    {{ latest_rows("questionnaires", "answers", ["form_number"]) }}

),

named as (

    select
        latest.*,

        {{ with_pattern_replaced(
            parse_name("latest.full_name"), " +", " "
        ) }} as whole_name

    from latest

),

emails as (

    select * from {{ source("quality", "email_addresses") }}

),

phones as (

    select * from {{ source("quality", "phone_numbers") }}

),

final as (

    select
        -- ids
        {{ parse_id("named.form_number") }} as form_number,
        named._file_id,
        named._line,

        -- strings: of more than three words nobody knows which is which
        coalesce(
            {{ parse_name("named.last_name") }},
            case
                when named.whole_name not like '% % % %'
                    then split_part(named.whole_name, ' ', 1)
                else named.whole_name
            end
        ) as last_name,
        coalesce(
            {{ parse_name("named.first_name") }},
            case
                when named.whole_name not like '% % % %'
                    then nullif(split_part(named.whole_name, ' ', 2), '')
            end
        ) as first_name,
        coalesce(
            {{ parse_name("named.patronymic") }},
            case
                when named.whole_name not like '% % % %'
                    then nullif(split_part(named.whole_name, ' ', 3), '')
            end
        ) as patronymic,
        {{ parse_sex("named.sex") }} as sex,
        emails.email,
        emails.suggestion as suggested_email,
        phones.phone,
        phones.suggestion as suggested_phone,
        {{ parse_name("named.city") }} as city,
        {{ parse_text("named.store") }} as store,
        {{ parse_text("named.hobbies") }} as hobbies,
        {{ parse_text("named.owned_product") }} as owned_product,
        {{ parse_text("named.alternatives") }} as considered_alternatives,
        {{ parse_text("named.social_link") }} as social_link,
        {{ parse_text("named.entered_by") }} as entered_by,

        -- booleans
        {{ parse_boolean("named.consent_to_mailing") }} as is_mailing_allowed,

        -- dates
        {{ parse_day_first_date("named.date_of_birth") }} as birth_date,
        {{ parse_day_first_date("named.signed_on") }} as signed_on

    from named
    left join emails
        on emails.contact_text = named.email
    left join phones
        on phones.contact_text = named.phone

)

select * from final
