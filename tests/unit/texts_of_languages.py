"""Files of names and words in many languages and encodings, to tell encodings by."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """Words of a language, and the 8-bit encodings that it was ever written in."""

    encodings: tuple[str, ...]
    names: tuple[str, ...]
    words: tuple[str, ...]


def _language(encodings: str, names: str, words: str) -> Language:
    return Language(
        encodings=tuple(encodings.split()),
        names=tuple(names.split()),
        words=tuple(words.split()),
    )


CYRILLIC = "cp1251 koi8-u cp866 iso8859-5 mac-cyrillic"
LANGUAGES = {
    "Russian": _language(
        f"{CYRILLIC} koi8-r",
        "Анна Мария Елена Ольга Наталья Ирина Светлана Екатерина Юлия Ксения Дарья"
        " Александр Сергей Дмитрий Алексей Андрей Михаил Иван Пётр Фёдор Эдуард Ярослав"
        " Иванова Смирнов Кузнецова Попов Васильева Соколов Михайлова Новиков Фёдорова"
        " Щербаков Юдина Яковлев Чернышёва Цветков Жукова Хохлов Москва Казань Пермь"
        " Екатеринбург Новосибирск Самара Тюмень Якутск Орёл",
        "заказ не доставлен клиент просил перезвонить после обеда хочет вернуть товар"
        " размер подошёл цвет другой оплата прошла дважды очень доволен спасибо курьер"
        " опоздал на два часа подарок упаковать хорошо объём ещё всё ждём съезд"
        " сообщить о поступлении не звонить только писать на почту",
    ),
    "Ukrainian": _language(
        CYRILLIC,
        "Олена Наталія Тетяна Ірина Оксана Юлія Світлана Андрій Сергій Олексій Євген"
        " Михайло Їжакевич Шевченко Бондаренко Ткаченко Кравченко Олійник Київ Львів"
        " Харків Одеса Запоріжжя Чернівці Кам'янець Ґалаґан",
        "замовлення не доставлено клієнт просив передзвонити після обіду хоче повернути"
        " розмір підійшов колір інший оплата пройшла двічі дуже дякую кур'єр спізнився",
    ),
    "Bulgarian": _language(
        CYRILLIC,
        "Георги Иван Димитър Мария Иванка Елена Петров Иванова Димитров Георгиева"
        " Стоянов Николова Тодоров София Пловдив Варна Бургас Русе Плевен Сливен",
        "поръчката не е доставена клиентът помоли да му се обадят след обяд иска да"
        " върне стоката размерът е добър цветът друг плащането мина два пъти",
    ),
    "Serbian": _language(
        "cp1251 iso8859-5",
        "Ђорђе Љиљана Његош Ћирић Џон Јована Милош Јелена Драгана Петровић Јовановић"
        " Николић Ђокић Београд Ниш Суботица Краљево Чачак",
        "поруџбина није испоручена купац је молио да га позову после ручка жели да"
        " врати"
        " робу величина је добра боја друга",
    ),
    "German": _language(
        "cp1252 cp850 mac-roman cp1250",
        "Müller Schäfer Schröder Krüger Köhler Günther Jürgen Jörg Käthe Bärbel Weiß"
        " Groß Böhm Löwe Strauß Vögel Kühn Lübeck München Köln Düsseldorf Nürnberg"
        " Würzburg Schmidt Fischer Weber Anna Peter Berlin Hamburg",
        "die Bestellung wurde nicht geliefert bitte zurückrufen nach dem Mittagessen"
        " möchte Größe geändert Straße für über schön wäre können müssen Gebühr Wünsche"
        " außerdem heißt später fällig",
    ),
    "French": _language(
        "cp1252 cp850 mac-roman",
        "Hélène François Jérôme Zoë Noël Gaël Andrée Régine Cécile Benoît Agnès Inès"
        " Lefèvre Gérard Héloïse Maïté Loïc Anaïs Crépin Besançon Orléans Nîmes Évreux"
        " Saint-Étienne Angoulême Châlons Marie Pierre Dubois Paris Lyon",
        "la commande n'a pas été livrée très déçu à rappeler après le déjeuner où est"
        " le colis même taille différente reçu déjà payé deux fois être âgé bientôt"
        " août forêt hôtel goût sûr naïf là voilà près élève",
    ),
    "Spanish": _language(
        "cp1252 cp850 mac-roman",
        "José María Ángel Núñez Muñoz Peña Ibáñez Pérez Gómez López Sánchez Martínez"
        " Jiménez Hernández Íñigo Begoña Málaga Cádiz León Córdoba Logroño Jaén Coruña"
        " Juan Carmen Madrid",
        "el pedido no llegó mañana llamará después niño pequeño tamaño señor años"
        " también según además aquí número teléfono dirección envío español",
    ),
    "Portuguese": _language(
        "cp1252 cp850 mac-roman",
        "João Conceição Sebastião Simões Magalhães Guimarães Araújo Antônio Inês Júlio"
        " Patrícia Luís Fátima Lourenço Gonçalves Brandão São Belém Brasília Maranhão"
        " Ceará Goiás Maria Silva Lisboa",
        "o pedido não chegou ainda três são já você também informações devolução"
        " cartão coração avó avô até após número endereço preço então mãe lições às",
    ),
    "Italian": _language(
        "cp1252 cp850 mac-roman",
        "Nicolò Niccolò Mosè Giosuè Noè Cantù Forlì Cefalù Mondovì Patanè Viganò"
        " Calabrò"
        " Cuccurù Agrò Bricolà Maria Rossi Bianchi Roma Milano",
        "la città è più vicina perché però già così qualità università lunedì martedì"
        " sarà può né quantità metà libertà caffè",
    ),
    "Swedish": _language(
        "cp1252 cp850 mac-roman",
        "Åsa Björn Göran Sjöberg Lindström Åkesson Söderberg Nyström Häggström Öberg"
        " Märta Örebro Malmö Göteborg Västerås Jönköping Anna Erik Stockholm",
        "beställningen är inte levererad ännu före efter få åter för över också här där"
        " när skön ändå möjligt",
    ),
    "Danish": _language(
        "cp1252 cp850",
        "Søren Jørgen Bjørn Kjær Sørensen Nørgaard Møller Ærø Åse Pål Håkon Tromsø"
        " København Ålborg Helsingør Anna Oslo",
        "ordren er ikke leveret endnu før så også når må få større år første være hjælp"
        " køb sølv æble",
    ),
    "Polish": _language(
        "cp1250 iso8859-2",
        "Małgorzata Łukasz Paweł Michał Stanisław Władysław Wójcik Kowalczyk Wiśniewski"
        " Zieliński Szymański Woźniak Dąbrowski Jabłoński Łódź Kraków Wrocław Poznań"
        " Gdańsk Białystok Żaneta Świętosław",
        "zamówienie nie zostało dostarczone proszę zadzwonić później chcę zwrócić"
        " większy"
        " rozmiar płatność przeszła dwa razy dziękuję też może być które są",
    ),
    "Czech": _language(
        "cp1250 iso8859-2",
        "Dvořák Novotný Svobodová Černý Procházka Kučera Veselý Horák Němec Růžička"
        " Jiří Tomáš Lukáš Ondřej Matěj Zdeněk Šárka Žaneta Plzeň Olomouc Děčín Hradec",
        "objednávka nebyla doručena prosím zavolat po obědě chce vrátit zboží větší"
        " velikost platba proběhla dvakrát děkuji také může být které jsou ještě",
    ),
    "Hungarian": _language(
        "cp1250 iso8859-2",
        "Erdős Szőke Győri László István Zoltán Gábor Balázs Kovács Tóth Szabó Németh"
        " Török Fűrész Sütő Székesfehérvár Győr Pécs Kőszeg Szűcs Hűvös",
        "a rendelés nem érkezett meg kérem hívjon vissza délután szeretné visszaküldeni"
        " nagyobb méret kétszer fizetett köszönöm még lehet őszi fűtés idő",
    ),
    "Croatian": _language(
        "cp1250 iso8859-2",
        "Kovačević Horvat Babić Marić Jurić Đurđica Željko Šime Krešimir Nikšić Čović"
        " Požega Šibenik Čakovec",
        "narudžba nije isporučena kupac želi vratiti veća veličina također može biti"
        " još"
        " već riječ žena",
    ),
    "Romanian": _language(
        "cp1250 iso8859-2",
        "Brăila Galaţi Iaşi Timişoara Constanţa Piteşti Ştefan Mihăilă Ţăranu Râmnicu"
        " Bârlad Căldăraru Vâlcea Ionuţ",
        "comanda nu a fost livrată vă rugăm să sunaţi după prânz mărime plată două ori"
        " mulţumesc încă poate până când",
    ),
    "Turkish": _language(
        "cp1254",
        "Ayşe Fatma Mehmet Öztürk Yılmaz Çelik Şahin Doğan Kılıç Aydın Güneş Işık"
        " Gökhan"
        " İstanbul İzmir Eskişehir Muğla Şanlıurfa",
        "sipariş teslim edilmedi öğleden sonra arayın iade etmek istiyor daha büyük iki"
        " kez ödendi teşekkürler çok değil ığdır",
    ),
    "Estonian": _language(
        "cp1257",
        "Tõnu Külli Jüri Mõisa Õnne Võsu Põder Kärt Põlva Jõgeva Tartu Tõrva",
        "tellimus ei ole kohale jõudnud võib või mõni õhtul pärast lõunat suurem värv",
    ),
    "Latvian": _language(
        "cp1257",
        "Jānis Kārlis Bērziņš Kalniņš Ozoliņš Līga Zane Rūta Jēkabs Rīga Jūrmala Cēsis"
        " Sigulda Ķegums Ģirts Šķēle Žanis",
        "pasūtījums nav piegādāts lūdzu zvanīt pēc pusdienām vēlas atgriezt lielāks"
        " izmērs samaksāts divreiz paldies arī",
    ),
    "Lithuanian": _language(
        "cp1257",
        "Jonas Kazlauskas Petrauskienė Žukauskas Šiauliai Klaipėda Panevėžys Rūta"
        " Gražina Živilė Čepaitė Ąžuolas Vytautė",
        "užsakymas nepristatytas prašome paskambinti po pietų nori grąžinti didesnis"
        " dydis apmokėta dukart ačiū dėkui",
    ),
    "Greek": _language(
        "cp1253",
        "Γιώργος Μαρία Ελένη Δημήτρης Παπαδόπουλος Αθήνα Θεσσαλονίκη Πάτρα Κώστας Άννα"
        " Νίκος Παύλος Χρήστος",
        "η παραγγελία δεν παραδόθηκε καλέστε μετά το μεσημέρι θέλει να επιστρέψει",
    ),
    "Hebrew": _language(
        "cp1255",
        "משה דוד שרה רחל יוסף אברהם כהן לוי מזרחי ירושלים חיפה אשדוד",
        "ההזמנה לא הגיעה נא להתקשר אחרי הצהריים הלקוח רוצה להחזיר מידה גדולה יותר",
    ),
    "Kazakh": _language(
        "kz1048",
        "Нұрсұлтан Әсел Бауыржан Гүлнар Қанат Жұлдыз Төлеген Айгүл Сәуле Ерлан Асқар"
        " Назарбаев Қасым Өмірбек Алматы Шымкент Қарағанды Өскемен Көкшетау",
        "тапсырыс жеткізілмеді клиент түстен кейін қоңырау шалуды өтінді тауарды"
        " қайтарғысы келеді үлкен өлшем екі рет төленді рахмет",
    ),
    "Icelandic": _language(
        "cp1252",
        "Guðrún Sigríður Þórður Björk Jóhann Ólafur Kristín Æsa Reykjavík Akureyri"
        " Hafnarfjörður Ísafjörður",
        "pöntunin hefur ekki borist vinsamlegast hringið síðdegis vill skila stærri",
    ),
    "Catalan": _language(
        "cp1252",
        "Núria Mònica Jordi Àngels Lluís Mercè Jaume Cèlia València Lleida Sabadell",
        "la comanda no ha arribat truqueu després vol tornar més gran pagat també però",
    ),
    "Arabic": _language(
        "cp1256",
        "محمد أحمد فاطمة علي حسن مريم يوسف عبدالله القاهرة دبي الرياض",
        "لم يتم تسليم الطلب يرجى الاتصال بعد الظهر يريد إرجاع المنتج مقاس أكبر",
    ),
    "Korean": _language(
        "euc_kr",
        "김민수 이영희 박지훈 최수진 정우성 서울 부산 대구 인천",
        "주문이 배송되지 않았습니다 오후에 전화해 주세요 반품을 원합니다",
    ),
    "Thai": _language(
        "cp874",
        "สมชาย สมหญิง วิชัย กรุงเทพ เชียงใหม่ ภูเก็ต",
        "ยังไม่ได้รับสินค้า กรุณาโทรกลับตอนบ่าย ต้องการคืนสินค้า",
    ),
    "Chinese": _language(
        "gbk",
        "王伟 李娜 张敏 刘洋 陈静 杨丽 赵军 北京 上海 广州 深圳 成都",
        "订单没有送到 请下午再打电话 客户想要退货 尺寸太小 已经付了两次",
    ),
    "Japanese": _language(
        "shift_jis euc_jp",
        "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 東京 大阪 京都 札幌",
        "注文が届いていません 午後に電話してください 返品したい 大きいサイズ",
    ),
}


@dataclass(frozen=True)
class Sample:
    """A file, and the text that it really holds."""

    language: str
    encoding: str
    text: str
    content: bytes


def sample(seed: int) -> Sample:
    """A file of a contact or feedback export, the same for the same seed."""
    choose = random.Random(seed)
    name = choose.choice(sorted(LANGUAGES))
    language = LANGUAGES[name]
    encoding = choose.choice(language.encodings)
    case = choose.choice((str, str, str, str.upper, str.lower))
    has_names, has_words = choose.choice(((True, False), (False, True), (True, True)))
    lines = ["id,name,note"]
    for number in range(choose.choice((1, 3, 10, 40, 200))):
        person = " ".join(choose.choices(language.names, k=2)) if has_names else ""
        note = " ".join(choose.choices(language.words, k=choose.randint(3, 9)))
        lines.append(f"{number},{person},{note.capitalize() if has_words else ''}")
    text = case("\n".join(lines) + "\n")
    content = text.encode(encoding, errors="ignore")
    return Sample(name, encoding, content.decode(encoding), content)
