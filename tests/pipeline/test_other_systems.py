"""A company that has none of the demo's systems gets its customers all the same.

And its orders: what shops and tills really sold is what the marts have.
"""

import csv
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from shutil import copytree

import duckdb
import pytest

from orchestration.lib.report.figures import Period, explain_figure
from orchestration.lib.simulate import DefectRates, simulate
from orchestration.settings import PROJECT
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


#: What the invented company has: shops, tills, and the ledger of the loyalty cards.
SYSTEMS = ("woocommerce", "insales", "bitrix_shop", "pos", "loyalty")

#: The export of a shop whose records its orders are.
EXPORTS = {
    "woocommerce": "orders",
    "insales": "orders",
    "bitrix_shop": "orders",
    "pos": "receipts",
}
PAID = ("paid", "fulfilled", "partially_refunded", "refunded")


@dataclass(frozen=True)
class Shops:
    """A clean company with nothing but shops and tills, and what it really sold."""

    home: Path
    sales: list[dict[str, str]]


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory) -> Shops:
    folder = tmp_path_factory.mktemp("shops")
    company = folder / "company"
    simulate(company, customers=400, rates=DefectRates.none(), every_system=True)
    for system in SYSTEMS:
        copytree(company / system, folder / "landing" / system)
    assert run_pipeline(folder / "home", folder / "landing", AS_OF) == []
    with (company / "truth" / "sales.csv").open(newline="") as file:
        return Shops(folder / "home", list(csv.DictReader(file)))


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


def test_orders_of_a_shop_are_revenue_of_its_customers(home: Path) -> None:
    assert rows(
        home / "marts.duckdb",
        "select orders.source, status, net_amount, currency, is_paid, first_name"
        " from orders inner join customer_360 using (customer_id)",
    ) == 2 * [("woocommerce", "fulfilled", Decimal("10.00"), "EUR", True, "Анна")]


def test_what_shops_and_tills_sold_is_what_the_marts_have(shops: Shops) -> None:
    """Every sale, what became of it and its amounts, to the kopeck.

    1C-Bitrix exports neither discounts nor deliveries, so that its amounts are those of
    the truth only as long as no order has both.
    """
    amounts = ("gross_amount", "discount_amount", "refund_amount", "net_amount")
    sold = {
        (sale["source"], sale["order_number"]): (
            sale["status"],
            sale["currency"],
            int(sale["line_count"]),
            *(Decimal(sale[amount]) for amount in amounts),
        )
        for sale in shops.sales
    }
    found = {
        (source, number): figures
        for source, number, *figures in rows(
            shops.home / "marts.duckdb",
            f"select source, order_number, status, currency, line_count,"
            f" {', '.join(amounts)} from orders",
        )
    }

    assert {source for source, _ in sold} == EXPORTS.keys()
    assert {"refunded", "fulfilled"} <= {
        sale["status"] for sale in shops.sales if sale["source"] == "pos"
    }
    assert found.keys() == sold.keys()
    assert {key: tuple(figures) for key, figures in found.items()} == sold


def test_an_order_belongs_to_whom_identity_takes_its_record_for(shops: Shops) -> None:
    """A receipt is of who holds its card; of no card, and of 1C-Bitrix, of nobody."""
    customers = {
        (source, export, record): customer
        for source, export, record, customer in rows(
            shops.home / "warehouse.duckdb",
            "select source, export, record_id, customer_id from identity.customer_ids",
        )
    }

    def customer(sale: dict[str, str]) -> str:
        record = sale["order_number"]
        if sale["source"] == "pos":
            record = sha256(sale["loyalty_card"].encode()).hexdigest()
        key = (sale["source"], EXPORTS[sale["source"]], record)
        return customers.get(key, "unassigned")

    bought = {
        (sale["source"], sale["order_number"]): customer(sale) for sale in shops.sales
    }
    nobodys = {key for key, each in bought.items() if each == "unassigned"}
    people: dict[str, set[str]] = {}
    for sale in shops.sales:
        key = (sale["source"], sale["order_number"])
        people.setdefault(bought[key], set()).add(sale["person_id"])

    assert nobodys == {
        (sale["source"], sale["order_number"])
        for sale in shops.sales
        if sale["source"] == "bitrix_shop"
        or (sale["source"] == "pos" and not sale["loyalty_card"])
    }
    assert {
        (source, number): customer
        for source, number, customer in rows(
            shops.home / "marts.duckdb",
            "select source, order_number, customer_id from orders",
        )
    } == bought
    assert all(
        len(each) == 1 for customer, each in people.items() if customer != "unassigned"
    )


def test_the_revenue_of_every_shop_is_that_of_the_truth(shops: Shops) -> None:
    """In roubles, with the rate of the day, year by year; `explain` has every order."""
    found = rows(
        shops.home / "marts.duckdb",
        "select member, year(period_start), orders, net_revenue, unpaid_orders"
        " from kpi_dimensions where dimension = 'source' and period_grain = 'year'"
        " and orders + unpaid_orders > 0 order by all",
    )

    with duckdb.connect() as connection:
        connection.execute(
            "create table sales (source varchar, status varchar, currency varchar,"
            " ordered_at timestamp, net_amount decimal(18, 2))"
        )
        connection.executemany(
            "insert into sales values (?, ?, ?, ?, ?)",
            [
                [sale[name] for name in (
                    "source", "status", "currency", "ordered_at", "net_amount"
                )]
                for sale in shops.sales
            ],
        )  # fmt: skip
        true = connection.execute(
            f"""
            with

            rates as (

                select currency, rate_on, cast(rate as decimal(18, 8)) as rate
                from read_csv('{PROJECT}/seeds/fx_rates.csv',
                    types = {{'rate': 'varchar'}})
                union all
                select 'RUB', date '1900-01-01', 1

            ),

            dated as (

                select *, cast(ordered_at + interval 3 hour as date) as ordered_on,
                    status in {PAID} as is_paid
                from sales

            )

            select source, year(ordered_on), count(*) filter (is_paid),
                round(sum(net_amount * rate) filter (is_paid), 2),
                count(*) filter (not is_paid)
            from dated
            asof inner join rates
                on rates.currency = dated.currency
                and rates.rate_on <= dated.ordered_on
            group by all
            order by all
            """
        ).fetchall()

    assert {row[0] for row in true} == EXPORTS.keys()
    assert found == true
    explained = explain_figure(
        shops.home / "warehouse.duckdb",
        shops.home / "marts.duckdb",
        "net_revenue",
        Period("year", date(2026, 1, 1)),
        dimension="source",
        member="pos",
        limit=None,
    )
    [(orders, revenue)] = [row[2:4] for row in true if row[:2] == ("pos", 2026)]
    [behind] = explained.behind
    assert (behind.count, behind.total) == (orders, revenue)
    assert all(row.file_name == "pos/receipts.csv" for row in behind.rows)
