"""Text around the rows that is more than the names of a relation's columns.

Names that repeat, or that open with an underscore, cannot be a relation's. Its columns
stand in the order of the header.
"""

AMOCRM_DEALS = (
    "ID;Название сделки;Бюджет ;Ответственный;Дата создания сделки;Кем создана сделка;"
    "Дата редактирования;Кем редактирована;Дата закрытия;Теги;Примечание;Примечание 2;"
    "Примечание 3;Примечание 4;Примечание 5;Этап сделки;Воронка;Полное имя контакта;"
    "Компания контакта;Ответственный за контакт;Компания;Рабочий телефон;"
    "Рабочий прямой телефон;Мобильный телефон;Факс;Домашний телефон;Другой телефон;"
    "Рабочий email;Личный email;Другой email;Город;Источник;Должность;Товар;Skype;ICQ;"
    "Jabber;Google Talk;MSN;Другой IM;Пользовательское соглашение;cid;uid;tid;"
    "utm_source;utm_medium;utm_campaign;utm_term;utm_content;utm_referrer;_ym_uid;"
    "_ym_counter;roistat;referrer;openstat_service;openstat_campaign;openstat_ad;"
    "openstat_source;from;gclientid;gclid;yclid;fbclid;GOOGLE_ID;roistat;KEYWORD;"
    "ADV_CAMP;TRAF_TYPE;TRAF_SRC;Товар;Производитель;cid;uid;tid;Источник;domain\n"
)

_BITRIX24_CONTACTS = (
    "ID;Обращение;Имя;Фамилия;Отчество;Имя, Фамилия;Дата рождения;Адрес;"
    "Улица, номер дома;Квартира, офис, комната, этаж;Населенный пункт;Район;Регион;"
    "Почтовый индекс;Страна;Рабочий телефон;Мобильный телефон;Номер факса;"
    "Домашний телефон;Номер пейджера;Телефон для рассылок;Другой телефон;"
    "Корпоративный сайт;Страница ВКонтакте;Контакт Telegram;Контакт Viber;"
    "Рабочий e-mail;Частный e-mail;E-mail для рассылок;Другой e-mail;Компания;"
    "Должность;Комментарий;Тип контакта;Источник;Дополнительно об источнике;"
    "Участвует в экспорте контактов;Доступен для всех;Ответственный;Дата создания;"
    "Кем создан;Дата изменения;Кем изменен;UTM Source;UTM Medium;UTM Campaign;"
    "UTM Content;UTM Term"
)

BITRIX24_COMPANIES = (
    "ID;Тип компании;Название компании;Сфера деятельности;Кол-во сотрудников;"
    "Годовой оборот;Валюта;Рабочий телефон;Мобильный телефон;Номер факса;"
    "Домашний телефон;Номер пейджера;Телефон для рассылок;Другой телефон;"
    "Рабочий e-mail;Частный e-mail;E-mail для рассылок;Другой e-mail;"
    "Корпоративный сайт;Страница ВКонтакте;Контакт Telegram;Контакт Viber;Комментарий;"
    "Доступна для всех;Ответственный;Дата создания;Кем создана;Дата изменения;"
    "Кем изменена;Реквизит (Россия): Название;"
    "Реквизит (Россия): Полное наименование организации;"
    "Реквизит (Россия): Сокращенное наименование организации;Реквизит (Россия): ИНН;"
    "Реквизит (Россия): КПП;Реквизит (Россия): ОГРН;Реквизит (Россия): ОГРНИП;"
    "Реквизит (Россия): Адрес - населенный пункт;Реквизит (Россия): Адрес - регион;"
    "Реквизит (Россия): Адрес - почтовый индекс;Реквизит (Россия): Адрес - страна;"
    "Тип компании;UTM Source;UTM Medium;UTM Campaign;UTM Content;UTM Term\n"
)

#: What Bitrix24 calls `.xls` is a page with one table.
BITRIX24_CONTACTS_ABOVE = "\n".join(
    (
        "<html>",
        "<head>",
        '<meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />',
        "<style>",
        "td {mso-number-format:\\@;}",
        "</style>",
        "</head>",
        "<body>",
        '<table border="1">',
        "<thead>",
        f"<tr><th>{_BITRIX24_CONTACTS.replace(';', '</th><th>')}</th></tr>",
        "</thead>",
        "<tbody>",
        "",
    )
)
BITRIX24_CONTACTS_BELOW = "</tbody>\n</table>\n</body>\n</html>\n"
