"""A company that has none of the demo's systems gets its customers all the same."""

import csv
from pathlib import Path

import pytest

from tests.pipeline.conftest import AS_OF
from tests.support import rows, run_pipeline

#: Anna's number joins the CRM to the shop, her account there two of her addresses, the
#: second of them the shop to the mailing list.
BITRIX24 = [
    {
        "ID": "1",
        "Имя": "Анна",
        "Фамилия": "Орлова",
        "Мобильный телефон": "8 905 111-22-33",
        "Рабочий e-mail": "",
        "Дата создания": "14.03.2026 12:00:00",
    },
    {
        "ID": "2",
        "Имя": "Борис",
        "Фамилия": "Котов",
        "Мобильный телефон": "",
        "Рабочий e-mail": "b.kotov@mail.ru",
        "Дата создания": "15.03.2026 12:00:00",
    },
]
ORDER = {
    "order_id": "1",
    "order_number": "1",
    "date": "2026-10-01 12:00:00",
    "status": "completed",
    "order_total": "10.00",
    "order_currency": "EUR",
    "customer_id": "7",
    "billing_first_name": "Anna",
    "billing_last_name": "Orlova",
    "billing_email": "orlova@example.com",
    "billing_phone": "+79051112233",
    "item_quantity": "1",
    "item_subtotal": "10.00",
    "item_total": "10.00",
}
WOOCOMMERCE = [
    ORDER,
    ORDER
    | {
        "order_id": "2",
        "order_number": "2",
        "billing_email": "a.orlova@yandex.ru",
        "billing_phone": "",
    },
]
UNISENDER = [
    {"email": "a-orlova@ya.ru", "email_status": "active", "Имя": "Аня"},
    {"email": "clara@example.com", "email_status": "active", "Имя": "Clara"},
]


def deliver(
    path: Path, delivered: list[dict[str, str]], delimiter: str, encoding: str
) -> None:
    path.parent.mkdir(parents=True)
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(delivered[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(delivered)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("other_systems")
    landing = folder / "landing"
    deliver(landing / "bitrix24" / "contacts.csv", BITRIX24, ";", "cp1251")
    deliver(landing / "woocommerce" / "orders.csv", WOOCOMMERCE, ",", "utf-8")
    deliver(landing / "unisender" / "contacts.csv", UNISENDER, ",", "utf-8")
    assert run_pipeline(folder / "home", landing, AS_OF) == []
    return folder / "home"


def test_people_are_joined_across_systems_by_contacts_and_accounts(home: Path) -> None:
    assert rows(
        home / "marts.duckdb",
        "select first_name, last_name, sources, record_count from customer_360"
        " order by record_count desc, first_name",
    ) == [
        ("Анна", "Орлова", "bitrix24, unisender, woocommerce", 4),
        ("Clara", None, "unisender", 1),
        ("Борис", "Котов", "bitrix24", 1),
    ]


def test_what_identifies_people_is_whole_in_private_marts_only(home: Path) -> None:
    published = home / "published" / "current"
    account = "identifier_value = 'woocommerce:7'"

    for table, carriers in (
        ("customer_identifiers", 1),
        ("identity.identifier_edges", 2),
    ):
        assert rows(
            published / "marts_private.duckdb",
            f"select count(*) from {table} where {account}",
        ) == [(carriers,)]
        assert rows(
            published / "marts.duckdb",
            f"select count(*) > 0, count(identifier_value) from {table}",
        ) == [(True, 0)]
