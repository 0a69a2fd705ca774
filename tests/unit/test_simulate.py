"""The simulated company: vendors' layouts, honest truth, the same bytes every time."""

import csv
import json
import re
from collections import Counter, defaultdict
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import phonenumbers
import pytest

from orchestration.lib.simulate import DefectRates, SimulatedCompany, simulate

CONTACTS = "hubspot/contacts.csv"
CUSTOMERS = "shopify/customers.csv"
ORDERS = "shopify/orders.csv"
SUBSCRIBED = "mailchimp/subscribed_members.csv"
UNSUBSCRIBED = "mailchimp/unsubscribed_members.csv"
CLEANED = "mailchimp/cleaned_members.csv"
EVENTS = "sendgrid/events.json"
COSTS = "ads/campaign_costs.csv"

ADDRESS = "{0} Name,{0} Street,{0} Address1,{0} Address2,{0} Company,{0} City,{0} Zip,"
MEMBER = (
    "Email Address,First Name,Last Name,MEMBER_RATING,OPTIN_TIME,OPTIN_IP,"
    "CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,"
    "LAST_CHANGED,LEID,EUID,NOTES,"
)
HEADERS = {
    CONTACTS: (
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,"
        "Date of birth,City,Country/Region,Preferred language,Contact owner,"
        "Lead Status,Lifecycle Stage,Marketing contact status,"
        "Unsubscribed from all email,Create Date,Last Modified Date"
    ),
    CUSTOMERS: (
        "Customer ID,First Name,Last Name,Email,Accepts Email Marketing,"
        "Default Address Company,Default Address Address1,Default Address Address2,"
        "Default Address City,Default Address Province Code,"
        "Default Address Country Code,Default Address Zip,Default Address Phone,Phone,"
        "Accepts SMS Marketing,Total Spent,Total Orders,Note,Tax Exempt,Tags"
    ),
    ORDERS: (
        "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,"
        "Accepts Marketing,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,"
        "Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
        "Lineitem price,Lineitem compare at price,Lineitem sku,"
        "Lineitem requires shipping,Lineitem taxable,Lineitem fulfillment status,"
        + ADDRESS.format("Billing")
        + "Billing Province,Billing Country,Billing Phone,"
        + ADDRESS.format("Shipping")
        + "Shipping Province,Shipping Country,Shipping Phone,"
        "Notes,Note Attributes,Cancelled at,Payment Method,Payment Reference,"
        "Refunded Amount,Vendor,Outstanding Balance,Employee,Location,Device ID,Id,"
        "Tags,Risk Level,Source,Lineitem discount,Tax 1 Name,Tax 1 Value,Tax 2 Name,"
        "Tax 2 Value,Tax 3 Name,Tax 3 Value,Tax 4 Name,Tax 4 Value,Tax 5 Name,"
        "Tax 5 Value,Phone,Receipt Number,Duties,Billing Province Name,"
        "Shipping Province Name,Payment ID,Payment Terms Name,Next Payment Due At,"
        "Payment References"
    ),
    SUBSCRIBED: MEMBER + "TAGS",
    UNSUBSCRIBED: (
        MEMBER + "UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_CAMPAIGN_ID,UNSUB_REASON,"
        "UNSUB_REASON_OTHER,TAGS"
    ),
    CLEANED: MEMBER + "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,TAGS",
    COSTS: "Date,Channel,Campaign,Currency,Amount,Amount unit,Impressions,Clicks",
    "truth/people.csv": (
        "person_id,first_name_cyrillic,last_name_cyrillic,first_name_latin,"
        "last_name_latin,gender,birth_date,city,country,emails,phones,registered_at"
    ),
    "truth/households.csv": "person_id,household_id,relation",
    "truth/shared_contacts.csv": "channel,contact_point,kind,person_id",
    "truth/changes.csv": ("person_id,attribute,changed_at,former_value,present_value"),
    "truth/records.csv": "source,export,record_id,person_id",
    "truth/orders.csv": (
        "order_id,name,person_id,ordered_at,status,discount_code,currency,"
        "gross_amount,discount_amount,refund_amount,net_amount,line_count"
    ),
    "truth/order_lines.csv": "order_id,sku,quantity,unit_price",
    "truth/sales.csv": (
        "source,order_number,person_id,loyalty_card,ordered_at,status,discount_code,"
        "currency,gross_amount,discount_amount,refund_amount,net_amount,"
        "shipping_amount,tax_amount,total_amount,line_count"
    ),
    "truth/products.csv": "sku,product,cost_rub",
    "truth/consents.csv": "person_id,channel,email,is_granted,decided_at,how",
    "truth/messages.csv": (
        "source,message_id,person_id,channel,campaign_id,contact_point,cost,currency,"
        "sent_at,dropped_at,delivered_at,opened_at,is_opened_by_proxy,clicked_at,"
        "replied_at"
    ),
    "truth/costs.csv": "spent_on,channel,campaign,currency,amount",
    "truth/site_events.csv": (
        "session_id,step,visitor_id,person_id,happened_at,event,url,utm_campaign,"
        "order_name"
    ),
    "truth/nps_answers.csv": "response_id,person_id,responded_at,score,touchpoint",
    "truth/card_operations.csv": (
        "operation_id,card_number,person_id,happened_at,operation,points"
    ),
    "truth/defects.csv": (
        "source,export,file_name,line,column_name,rule,true_value,delivered_value"
    ),
}

NOBODYS_MAILBOXES = {
    "test@test.com",
    "noreply@example.com",
    "no@mail.ru",
    "test@test.ru",
}
NOBODYS_PHONES = {"0000000000", "1111111111", "+79777777777", "+70000000000"}
MISSPELT = {
    "gmial.com",
    "gamil.com",
    "gnail.com",
    "yandx.ru",
    "maill.ru",
    "outlok.com",
    "hotmial.com",
}

Row = dict[str, str]


def rows_by_line(company: SimulatedCompany, name: str) -> dict[int, Row]:
    """Every row of a file by the physical line it starts on."""
    with company.paths[name].open(encoding="utf-8-sig", newline="") as file:
        if name.endswith((".json", ".jsonl")):
            lines = enumerate(file, start=1)
            return {
                at: json.loads(line.rstrip("\n,"))
                for at, line in lines
                if line.startswith("{")
            }
        reader = csv.reader(file)
        header = next(reader)
        rows = {}
        start = reader.line_num + 1
        for cells in reader:
            rows[start] = dict(zip(header, cells, strict=True))
            start = reader.line_num + 1
        return rows


def rows_of(company: SimulatedCompany, name: str) -> list[Row]:
    """The rows of a file in its order."""
    return list(rows_by_line(company, name).values())


def in_snake_case(header: str) -> str:
    """The header as the truth about defects spells it."""
    return re.sub(r"[^a-z0-9]+", "_", header.lower())


def unix(moment: str) -> float:
    """The seconds of a UTC timestamp of the truth or of Mailchimp."""
    return datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()


def contents(company: SimulatedCompany) -> dict[str, bytes]:
    """Every file's bytes."""
    return {name: path.read_bytes() for name, path in company.paths.items()}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A company without a single defect."""
    out = tmp_path_factory.mktemp("clean") / "company"
    return simulate(out, customers=1500, rates=DefectRates.none())


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """The same company with every kind of defect in plenty."""
    out = tmp_path_factory.mktemp("dirty") / "company"
    return simulate(out, customers=1500, rates=DefectRates.all(0.05), threads=3)


# The same arguments, the same company


def test_the_same_arguments_give_the_same_bytes_on_any_number_of_threads(
    dirty: SimulatedCompany, tmp_path: Path
) -> None:
    again = simulate(
        tmp_path / "company", customers=1500, rates=DefectRates.all(0.05), threads=1
    )

    assert contents(again) == contents(dirty)


def test_another_seed_gives_another_company(
    dirty: SimulatedCompany, tmp_path: Path
) -> None:
    other = simulate(
        tmp_path / "company", customers=1500, rates=DefectRates.all(0.05), seed=361
    )

    theirs = contents(other)
    assert [
        name
        for name, ours in contents(dirty).items()
        if ours == theirs[name] and dirty.rows[name] > 0
    ] == ["truth/products.csv"]


# Layouts


@pytest.mark.parametrize("name", HEADERS)
def test_a_file_opens_with_its_header(dirty: SimulatedCompany, name: str) -> None:
    with dirty.paths[name].open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == HEADERS[name].split(",")


def test_the_company_counts_the_rows_of_every_file(dirty: SimulatedCompany) -> None:
    assert dirty.rows == {name: len(rows_of(dirty, name)) for name in dirty.paths}
    assert dirty.paths.keys() == {*HEADERS, EVENTS}


def test_values_are_spelled_as_the_vendors_spell_them(clean: SimulatedCompany) -> None:
    contact = rows_of(clean, CONTACTS)[0]
    customer = rows_of(clean, CUSTOMERS)[0]
    order = rows_of(clean, ORDERS)[0]
    member = rows_of(clean, SUBSCRIBED)[0]

    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", contact["Create Date"])
    assert re.fullmatch(r"'\d{13}", customer["Customer ID"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0300", order["Created at"])
    assert re.fullmatch(r"\d+\.\d\d", order["Total"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", member["OPTIN_TIME"])


def test_mailchimp_quotes_everything_and_its_tags_twice(
    clean: SimulatedCompany,
) -> None:
    text = clean.paths[SUBSCRIBED].read_text(encoding="utf-8")

    assert all(re.fullmatch(r'".*"', line) for line in text.splitlines())
    assert ',"""VIP"",""Blog"""\n' in text


def test_events_are_one_json_array_with_the_vendors_quirks(
    clean: SimulatedCompany,
) -> None:
    events = json.loads(clean.paths[EVENTS].read_text(encoding="utf-8"))

    assert {event["event"] for event in events} == {
        "processed",
        "delivered",
        "open",
        "click",
        "bounce",
        "dropped",
        "unsubscribe",
        "spamreport",
    }
    assert {type(event["category"]) for event in events} == {str, list}
    assert all(
        ("sg_message_id" in event) == (event["event"] != "dropped") for event in events
    )
    assert any("GoogleImageProxy" in event.get("useragent", "") for event in events)
    assert len({event["sg_event_id"] for event in events}) == len(events)


def test_some_notes_span_lines_and_hold_quotes_and_commas(
    clean: SimulatedCompany,
) -> None:
    notes = [row["Notes"] for row in rows_of(clean, ORDERS)]

    assert any("\n" in note and '"' in note and "," in note for note in notes)


# Defects


def test_every_kind_of_defect_occurs(dirty: SimulatedCompany) -> None:
    rules = {row["rule"] for row in rows_of(dirty, "truth/defects.csv")}

    kinds = {field.name for field in fields(DefectRates)} - {"letter_in_price"}
    assert rules == kinds


def test_every_defect_stands_on_its_line_with_the_delivered_value(
    dirty: SimulatedCompany,
) -> None:
    lines = {name: rows_by_line(dirty, name) for name in dirty.paths}

    for defect in rows_of(dirty, "truth/defects.csv"):
        row = lines[defect["file_name"]][int(defect["line"])]
        if defect["rule"] == "exact_duplicate":
            assert defect["delivered_value"] == defect["line"]
            assert row == lines[defect["file_name"]][int(defect["true_value"])]
        else:
            cells = {in_snake_case(header): value for header, value in row.items()}
            assert cells[defect["column_name"]] == defect["delivered_value"]
            assert defect["true_value"] != defect["delivered_value"]


def test_a_defect_is_what_its_rule_says(dirty: SimulatedCompany) -> None:
    for defect in rows_of(dirty, "truth/defects.csv"):
        true, delivered = defect["true_value"], defect["delivered_value"]
        match defect["rule"]:
            case "missing_value":
                assert true and not delivered
            case "placeholder":
                assert delivered.lstrip("'") in NOBODYS_MAILBOXES | NOBODYS_PHONES
            case "email_domain_typo":
                assert delivered.split("@")[0] == true.split("@")[0]
                assert delivered.split("@")[1] in MISSPELT
            case "homoglyph":
                back = delivered.translate(str.maketrans("асеорху", "aceopxy"))
                assert back == true
            case "letter_for_digit":
                assert re.sub("[OО]", "0", delivered) == true
            case "foreign_date_format" | "ambiguous_date" as rule:
                day, month = int(delivered[:2]), int(delivered[3:5])
                assert datetime.strptime(delivered, "%d/%m/%Y %H:%M") == (
                    datetime.strptime(true, "%Y-%m-%d %H:%M")
                )
                assert (day > 12) == (rule == "foreign_date_format")
                assert day != month
            case "unparsable_date":
                serial = date.fromisoformat(true[:10]) - date(1899, 12, 30)
                assert delivered == str(serial.days)
            case "currency_without_rate":
                assert delivered == "KZT"
            case "minor_units":
                assert Decimal(delivered) == 100 * Decimal(true)
            case rule:
                assert rule == "exact_duplicate"


def test_no_cell_has_two_defects(dirty: SimulatedCompany) -> None:
    cells = Counter(
        (defect["file_name"], defect["line"], defect["column_name"])
        for defect in rows_of(dirty, "truth/defects.csv")
    )

    assert max(cells.values()) == 1


def test_undoing_the_recorded_defects_gives_the_clean_company(
    clean: SimulatedCompany, tmp_path: Path
) -> None:
    """Nothing but what the truth admits differs; tenge and kopecks touch more cells."""
    rates = replace(DefectRates.all(0.05), currency_without_rate=0.0, minor_units=0.0)
    spoiled = simulate(tmp_path / "company", customers=1500, rates=rates)

    defects = defaultdict(list)
    for defect in rows_of(spoiled, "truth/defects.csv"):
        defects[defect["file_name"]].append(defect)
    for name in HEADERS.keys() - {"truth/defects.csv"}:
        rows = rows_by_line(spoiled, name)
        for defect in defects[name]:
            if defect["rule"] == "exact_duplicate":
                del rows[int(defect["line"])]
                continue
            row = rows[int(defect["line"])]
            [header] = [
                header
                for header in row
                if in_snake_case(header) == defect["column_name"]
            ]
            row[header] = defect["true_value"]
        assert list(rows.values()) == rows_of(clean, name)


def test_the_truth_says_the_same_of_a_clean_and_a_spoiled_company(
    clean: SimulatedCompany, dirty: SimulatedCompany
) -> None:
    for name in clean.paths:
        if name.startswith("truth/") and name != "truth/defects.csv":
            assert clean.paths[name].read_bytes() == dirty.paths[name].read_bytes()


def test_rates_of_zero_give_a_clean_company(clean: SimulatedCompany) -> None:
    assert rows_of(clean, "truth/defects.csv") == []


def test_rates_of_one_spoil_every_eligible_cell(tmp_path: Path) -> None:
    company = simulate(tmp_path / "company", customers=50, rates=DefectRates.all(1.0))

    assert {row["Email"] for row in rows_of(company, CONTACTS)} == NOBODYS_MAILBOXES
    assert {row["Phone Number"] for row in rows_of(company, CONTACTS)} == (
        NOBODYS_PHONES
    )
    assert {row["Currency"] for row in rows_of(company, ORDERS)} == {"KZT", ""}
    assert {row["Amount unit"] for row in rows_of(company, COSTS)} == {"minor"}
    assert company.rows[CONTACTS] == 2 * len(
        {row["Record ID"] for row in rows_of(company, CONTACTS)}
    )


def test_copies_of_order_rows_stand_directly_below_their_originals(
    dirty: SimulatedCompany,
) -> None:
    starts = {name: sorted(rows_by_line(dirty, name)) for name in (ORDERS, CONTACTS)}
    gaps = defaultdict(set)
    for defect in rows_of(dirty, "truth/defects.csv"):
        name = defect["file_name"]
        if defect["rule"] == "exact_duplicate" and name in starts:
            gaps[name].add(
                starts[name].index(int(defect["line"]))
                - starts[name].index(int(defect["true_value"]))
            )

    assert gaps[ORDERS] == {1}
    assert max(gaps[CONTACTS]) > 1


def test_an_order_in_tenge_still_adds_up(dirty: SimulatedCompany) -> None:
    tenge = [row for row in rows_of(dirty, ORDERS) if row["Currency"] == "KZT"]

    assert tenge
    for row in tenge:
        assert Decimal(row["Total"]) == (
            Decimal(row["Subtotal"]) + Decimal(row["Shipping"]) + Decimal(row["Taxes"])
        )


# Orders


def test_the_amounts_of_an_order_add_up_and_agree_with_the_truth(
    clean: SimulatedCompany,
) -> None:
    truths = {row["order_id"]: row for row in rows_of(clean, "truth/orders.csv")}
    orders: dict[str, list[Row]] = defaultdict(list)
    for row in rows_of(clean, ORDERS):
        orders[row["Name"]].append(row)

    assert len(orders) == len(truths)
    for head, *others in orders.values():
        lines = [head, *others]
        truth = truths[head["Id"]]
        gross = sum(
            Decimal(line["Lineitem price"]) * int(line["Lineitem quantity"])
            for line in lines
        )
        assert Decimal(truth["gross_amount"]) == gross
        assert Decimal(head["Subtotal"]) == gross - Decimal(head["Discount Amount"])
        assert Decimal(head["Total"]) == (
            Decimal(head["Subtotal"])
            + Decimal(head["Shipping"])
            + Decimal(head["Taxes"])
        )
        assert Decimal(head["Refunded Amount"]) <= Decimal(head["Subtotal"])
        assert Decimal(truth["net_amount"]) == (
            Decimal(head["Subtotal"]) - Decimal(head["Refunded Amount"])
        )
        assert truth["currency"] == head["Currency"]
        assert int(truth["line_count"]) == len(lines)
        assert len({line["Lineitem sku"] for line in lines}) == len(lines)


def test_order_lines_agree_with_the_truth(clean: SimulatedCompany) -> None:
    ids = {row["name"]: row["order_id"] for row in rows_of(clean, "truth/orders.csv")}

    delivered = [
        {
            "order_id": ids[row["Name"]],
            "sku": row["Lineitem sku"],
            "quantity": row["Lineitem quantity"],
            "unit_price": row["Lineitem price"],
        }
        for row in rows_of(clean, ORDERS)
    ]
    assert delivered == rows_of(clean, "truth/order_lines.csv")


def test_the_first_row_of_an_order_carries_what_the_others_leave_blank(
    clean: SimulatedCompany,
) -> None:
    repeated = {"Name", "Email", "Created at", "Vendor"}
    seen = set()
    for row in rows_of(clean, ORDERS):
        if row["Name"] in seen:
            filled = {header for header in row if row[header]}
            assert all(
                header in repeated or header.startswith("Lineitem") for header in filled
            )
        else:
            assert row["Id"] and row["Total"] and row["Currency"]
        seen.add(row["Name"])


def test_a_status_follows_from_what_was_delivered(clean: SimulatedCompany) -> None:
    statuses = {
        row["order_id"]: row["status"] for row in rows_of(clean, "truth/orders.csv")
    }
    meanings = defaultdict(set)
    for row in rows_of(clean, ORDERS):
        if row["Id"]:
            meanings[row["Financial Status"]].add(statuses[row["Id"]])
            assert bool(row["Cancelled at"]) == (row["Financial Status"] == "voided")

    assert meanings["paid"] == {"paid", "fulfilled"}
    assert meanings["voided"] == {"cancelled"}
    assert meanings["pending"] == {"pending"}
    assert meanings["refunded"] == {"refunded"}
    assert meanings["partially_refunded"] == {"partially_refunded"}


def test_orders_lie_within_the_period(tmp_path: Path) -> None:
    company = simulate(
        tmp_path / "company", customers=300, days=40, end_on=date(2026, 3, 10)
    )

    days = {
        row["Created at"][:10]
        for row in rows_of(company, ORDERS)
        if row["Created at"].endswith("+0300")
    }
    assert min(days) >= "2026-01-30"
    assert max(days) <= "2026-03-10"


def test_customers_spent_what_their_own_orders_say(clean: SimulatedCompany) -> None:
    owners = {
        row["record_id"]: row["person_id"]
        for row in rows_of(clean, "truth/records.csv")
        if row["export"] == "customers"
    }
    bought = Counter(row["person_id"] for row in rows_of(clean, "truth/orders.csv"))
    customers = rows_of(clean, CUSTOMERS)

    placed = sum(int(row["Total Orders"]) for row in customers)
    assert all(
        int(row["Total Orders"]) <= bought[owners[row["Customer ID"].lstrip("'")]]
        for row in customers
    )
    assert 0.55 < placed / bought.total() < 0.75  # the rest are guests' orders


# People


@pytest.fixture(scope="module")
def people(clean: SimulatedCompany) -> dict[str, Row]:
    return {row["person_id"]: row for row in rows_of(clean, "truth/people.csv")}


@pytest.fixture(scope="module")
def households(clean: SimulatedCompany) -> dict[str, list[Row]]:
    """The members of each, its first person first."""
    households = defaultdict(list)
    for row in rows_of(clean, "truth/households.csv"):
        households[row["household_id"]].append(row)
    return households


def test_every_phone_is_valid(people: dict[str, Row]) -> None:
    phones = [phone for row in people.values() for phone in row["phones"].split("|")]

    assert [
        phone
        for phone in phones
        if not phonenumbers.is_valid_number(phonenumbers.parse(phone))
    ] == []


@pytest.mark.parametrize(
    ("channel", "column"), [("email", "emails"), ("phone", "phones")]
)
def test_who_gives_a_contact_that_others_give_too_is_told(
    clean: SimulatedCompany, people: dict[str, Row], channel: str, column: str
) -> None:
    owners = defaultdict(set)
    for person_id, row in people.items():
        for contact in row[column].split("|"):
            owners[contact].add(person_id)

    told = defaultdict(set)
    for row in rows_of(clean, "truth/shared_contacts.csv"):
        if row["channel"] == channel:
            told[row["contact_point"]].add(row["person_id"])
    assert told
    assert told == {each: theirs for each, theirs in owners.items() if len(theirs) > 1}


def test_a_contact_is_shared_within_a_household_or_a_firm(
    clean: SimulatedCompany,
) -> None:
    household_of = {
        row["person_id"]: row["household_id"]
        for row in rows_of(clean, "truth/households.csv")
    }
    sharing = defaultdict(set)
    for row in rows_of(clean, "truth/shared_contacts.csv"):
        sharing[row["kind"], row["channel"], row["contact_point"]].add(row["person_id"])

    assert {key[:2] for key in sharing} == {
        ("household", "email"),
        ("household", "phone"),
        ("role", "email"),
    }
    for (kind, _, contact), sharers in sharing.items():
        if kind == "household":
            assert len({household_of[person] for person in sharers}) == 1
        else:
            assert re.fullmatch(r"[a-z]+@firm\d+\.example\.com", contact)


def test_a_fifth_of_the_people_live_in_households_of_two_to_four(
    people: dict[str, Row], households: dict[str, list[Row]]
) -> None:
    sizes = Counter(len(members) for members in households.values())

    assert sizes.keys() == {2, 3, 4}
    assert 0.15 < sum(map(len, households.values())) / len(people) < 0.25


def test_a_household_lives_in_one_place(
    people: dict[str, Row], households: dict[str, list[Row]]
) -> None:
    for members in households.values():
        assert len({(people[each["person_id"]]["city"]) for each in members}) == 1


def test_partners_twins_parents_and_children_are_like_their_kind(
    people: dict[str, Row], households: dict[str, list[Row]]
) -> None:
    seen = Counter()
    for head, *others in households.values():
        one = people[head["person_id"]]
        assert head["relation"] == "head"
        for member in others:
            relation, other = member["relation"], people[member["person_id"]]
            years = int(one["birth_date"][:4]) - int(other["birth_date"][:4])
            is_namesake = one["first_name_latin"] == other["first_name_latin"]
            seen[relation] += 1
            seen[relation, "namesake"] += is_namesake
            seen[relation, "initial"] += (
                one["first_name_latin"][0] == other["first_name_latin"][0]
            )
            if one["gender"] == other["gender"]:
                has_name = one["last_name_latin"] == other["last_name_latin"]
            else:
                feminine, masculine = sorted(
                    (one, other), key=lambda person: person["gender"]
                )
                has_name = feminine["last_name_latin"] in (
                    masculine["last_name_latin"],
                    masculine["last_name_latin"] + "a",
                )
            seen[relation, "name"] += has_name
            if relation == "partner":
                assert one["gender"] != other["gender"]
                assert abs(years) <= 9
            else:
                assert has_name
            if relation == "twin":
                assert one["birth_date"] == other["birth_date"]
                assert not is_namesake
            elif relation == "parent":
                assert years >= 19
            elif relation == "child":
                assert years <= -19

    assert 0.7 < seen["partner", "name"] / seen["partner"] < 1
    assert 0.002 < seen["twin"] / len(people) < 0.02
    for relation in ("parent", "child"):
        assert 0 < seen[relation, "namesake"] < seen[relation, "initial"]
        assert seen[relation, "initial"] < seen[relation]


def test_orders_of_before_a_change_say_the_former_later_ones_the_present(
    clean: SimulatedCompany,
) -> None:
    changes = {
        (row["person_id"], row["attribute"]): row
        for row in rows_of(clean, "truth/changes.csv")
    }
    orders = {row["order_id"]: row for row in rows_of(clean, "truth/orders.csv")}

    seen = Counter()
    for row in rows_of(clean, ORDERS):
        if not row["Id"]:
            continue
        order = orders[row["Id"]]
        for attribute, value in (
            ("address", f"{row['Billing City']}, {row['Billing Address1']}"),
            ("last_name", row["Billing Name"].split(" ")[1]),
        ):
            change = changes.get((order["person_id"], attribute))
            if change and value.isascii():
                is_former = order["ordered_at"] < change["changed_at"]
                seen[attribute, is_former] += 1
                assert value == change["former_value" if is_former else "present_value"]

    assert len(seen) == 4


def test_a_mailbox_is_on_the_list_once(clean: SimulatedCompany) -> None:
    listed = Counter(
        row["Email Address"]
        for name in (SUBSCRIBED, UNSUBSCRIBED, CLEANED)
        for row in rows_of(clean, name)
    )
    shared = {
        row["contact_point"] for row in rows_of(clean, "truth/shared_contacts.csv")
    }

    assert max(listed.values()) == 1
    assert shared & listed.keys()


@pytest.mark.parametrize(
    ("name", "column", "region"),
    [
        (CONTACTS, "Phone Number", "Country/Region"),
        (CONTACTS, "Mobile Phone Number", "Country/Region"),
        (CUSTOMERS, "Default Address Phone", "Default Address Country Code"),
        (CUSTOMERS, "Phone", "Default Address Country Code"),
    ],
)
def test_a_phone_is_the_persons_however_it_is_spelled(
    clean: SimulatedCompany, name: str, column: str, region: str
) -> None:
    codes = {"Russia": "RU", "Germany": "DE", "United States": "US"}
    key = "Record ID" if name == CONTACTS else "Customer ID"
    people = {
        row["person_id"]: row["phones"].split("|")
        for row in rows_of(clean, "truth/people.csv")
    }
    owners = {
        (f"{row['source']}/{row['export']}.csv", row["record_id"]): row["person_id"]
        for row in rows_of(clean, "truth/records.csv")
    }

    for row in rows_of(clean, name):
        if row[column]:
            digits = re.sub(r"\D", "", row[column])
            if codes.get(row[region], row[region]) == "RU":
                digits = re.sub(r"^8", "7", digits)
            assert f"+{digits}" in people[owners[name, row[key].lstrip("'")]]


def test_every_record_has_an_owner_and_every_owner_a_record(
    dirty: SimulatedCompany,
) -> None:
    members = (SUBSCRIBED, UNSUBSCRIBED, CLEANED)
    keys = {
        CONTACTS: "Record ID",
        CUSTOMERS: "Customer ID",
        ORDERS: "Id",
        **dict.fromkeys(members, "EUID"),
    }
    delivered = {
        (name, row[key].lstrip("'"))
        for name, key in keys.items()
        for row in rows_of(dirty, name)
        if row[key]
    }
    truths = rows_of(dirty, "truth/records.csv")

    assert delivered == {
        (f"{row['source']}/{row['export']}.csv", row["record_id"]) for row in truths
    }
    assert len(delivered) == len(truths)
    people = {row["person_id"] for row in rows_of(dirty, "truth/people.csv")}
    assert {row["person_id"] for row in truths} <= people


# Consents


def test_nothing_happens_to_a_mailbox_before_its_opt_in(
    clean: SimulatedCompany,
) -> None:
    joined = {
        row["Email Address"]: unix(row["OPTIN_TIME"])
        for name in (SUBSCRIBED, UNSUBSCRIBED, CLEANED)
        for row in rows_of(clean, name)
    }

    for event in rows_of(clean, EVENTS):
        assert event["timestamp"] > joined[event["email"]]


def test_nothing_is_sent_after_an_opt_out_a_complaint_or_a_bounce(
    clean: SimulatedCompany,
) -> None:
    ended = {
        row["email"]: unix(row["decided_at"])
        for row in rows_of(clean, "truth/consents.csv")
        if row["is_granted"] == "false"
    }
    ended |= {
        event["email"]: event["timestamp"]
        for event in rows_of(clean, EVENTS)
        if event["event"] == "bounce"
    }

    for event in rows_of(clean, EVENTS):
        is_late = event["timestamp"] > ended.get(event["email"], float("inf"))
        assert is_late == (event["event"] == "dropped")


def test_opt_outs_are_true_whichever_system_tells_of_them(
    clean: SimulatedCompany,
) -> None:
    consents = {row["email"]: row for row in rows_of(clean, "truth/consents.csv")}
    told_by_sendgrid = {
        event["email"]: event
        for event in rows_of(clean, EVENTS)
        if event["event"] in ("unsubscribe", "spamreport")
    }
    told_by_mailchimp = {
        row["Email Address"]: row for row in rows_of(clean, UNSUBSCRIBED)
    }
    withdrawn = {
        email for email, row in consents.items() if row["is_granted"] == "false"
    }

    assert told_by_sendgrid.keys() | told_by_mailchimp.keys() == withdrawn
    assert told_by_sendgrid.keys() - told_by_mailchimp.keys()
    assert told_by_mailchimp.keys() - told_by_sendgrid.keys()
    for email, event in told_by_sendgrid.items():
        assert unix(consents[email]["decided_at"]) == event["timestamp"]
    for email, row in told_by_mailchimp.items():
        assert consents[email]["decided_at"] == row["UNSUB_TIME"]


def test_a_cleaned_mailbox_bounced(clean: SimulatedCompany) -> None:
    bounced = {
        event["email"]: event["timestamp"]
        for event in rows_of(clean, EVENTS)
        if event["event"] == "bounce"
    }

    assert bounced == {
        row["Email Address"]: unix(row["CLEAN_TIME"]) for row in rows_of(clean, CLEANED)
    }


def test_shop_and_crm_never_call_a_consented_mailbox_unsubscribed(
    clean: SimulatedCompany,
) -> None:
    granted = {
        row["email"]
        for row in rows_of(clean, "truth/consents.csv")
        if row["is_granted"] == "true"
    }

    for row in rows_of(clean, CONTACTS):
        if row["Unsubscribed from all email"] == "Yes":
            assert row["Email"].lower() not in granted


def test_newsletters_cost_what_was_sent_of_them(clean: SimulatedCompany) -> None:
    sent = Counter(
        event["campaign_id"]
        for event in rows_of(clean, EVENTS)
        if event["event"] == "processed"
    )

    assert sent == {
        row["Campaign"]: int(row["Impressions"])
        for row in rows_of(clean, COSTS)
        if row["Channel"] == "email"
    }


# The folder


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("two years of work")

    with pytest.raises(ValueError, match="something other than a simulation"):
        simulate(tmp_path, customers=1, days=1)

    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    company = simulate(tmp_path, customers=1, days=1)

    assert all(path.is_file() for path in company.paths.values())


def test_an_earlier_simulation_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "company"
    simulate(out, customers=5, days=30)
    (out / "landed.txt").write_text("left behind")

    second = simulate(out, customers=7, days=30)

    assert len(rows_of(second, "truth/people.csv")) == 7
    assert not (out / "landed.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["company"]


def test_a_simulation_that_breaks_off_leaves_the_earlier_one_alone(
    tmp_path: Path,
) -> None:
    out = tmp_path / "company"
    before = contents(simulate(out, customers=5, days=30))

    def break_off(name: str) -> None:
        if name == EVENTS:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(out, customers=7, days=30, progress=break_off)

    assert {name: (out / name).read_bytes() for name in before} == before
    assert [path.name for path in tmp_path.iterdir()] == ["company"]


def test_progress_hears_of_every_file_once(tmp_path: Path) -> None:
    heard: list[str] = []

    company = simulate(tmp_path / "c", customers=5, days=30, progress=heard.append)

    assert heard == list(company.paths)


# Arguments


@pytest.mark.parametrize("wrong", [{"customers": 0}, {"customers": 10**8}, {"days": 0}])
def test_impossible_sizes_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        simulate(tmp_path / "company", **wrong)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan")])
def test_a_rate_outside_zero_to_one_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="homoglyph"):
        DefectRates(homoglyph=rate)


def test_scaled_rates_stop_at_one() -> None:
    rates = DefectRates(homoglyph=0.4, placeholder=0.1).scaled(5)

    assert rates.homoglyph == 1.0
    assert rates.placeholder == 0.5


def test_the_truth_tells_of_messages_what_their_events_tell(
    clean: SimulatedCompany,
) -> None:
    events: dict[str, set[tuple[str, float]]] = defaultdict(set)
    for event in rows_of(clean, EVENTS):
        events[event["event"]].add((event["email"], float(event["timestamp"])))
    truths = rows_of(clean, "truth/messages.csv")

    for column, event in (
        ("sent_at", "processed"),
        ("dropped_at", "dropped"),
        ("delivered_at", "delivered"),
        ("opened_at", "open"),
        ("clicked_at", "click"),
    ):
        assert {
            (row["contact_point"], unix(row[column])) for row in truths if row[column]
        } == events[event]


def test_the_truth_tells_what_the_spreadsheet_of_costs_tells(
    clean: SimulatedCompany,
) -> None:
    columns = ("Date", "Channel", "Campaign", "Currency", "Amount")
    delivered = [tuple(row[name] for name in columns) for row in rows_of(clean, COSTS)]
    truths = [tuple(row.values()) for row in rows_of(clean, "truth/costs.csv")]

    assert sorted(truths) == sorted(delivered)
