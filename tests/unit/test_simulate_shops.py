"""What the shops of the simulated company say of one sale agrees with itself."""

import csv
import json
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.lib.simulate import DefectRates, SimulatedCompany, simulate
from orchestration.lib.simulate.company import EXPORTS, OTHER_EXPORTS

Row = dict[str, str]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A company without a single defect."""
    out: Path = tmp_path_factory.mktemp("clean") / "company"
    return simulate(out, customers=400, rates=DefectRates.none(), every_system=True)


def rows_of(company: SimulatedCompany, name: str, delimiter: str = ",") -> list[Row]:
    encoding = (EXPORTS | OTHER_EXPORTS)[name].encoding
    with company.paths[name].open(encoding=encoding, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def by_order(rows: list[Row], column: str) -> list[list[Row]]:
    orders = defaultdict(list)
    for row in rows:
        orders[row[column]].append(row)
    return list(orders.values())


def amount(text: str) -> Decimal:
    return Decimal(text.removesuffix(" руб").replace(" ", "").replace(",", "."))


def test_an_order_of_woocommerce_is_its_items_shipping_and_tax(
    company: SimulatedCompany,
) -> None:
    orders = by_order(rows_of(company, "woocommerce/orders.csv"), "order_id")

    assert any(len(rows) > 1 for rows in orders)
    for rows in orders:
        items = sum(amount(row["item_total"]) for row in rows)
        head = rows[0]
        assert amount(head["order_total"]) == (
            items + amount(head["shipping_total"]) + amount(head["tax_total"])
        )
        assert amount(head["discount_total"]) == (
            sum(amount(row["item_subtotal"]) for row in rows) - items
        )


def test_an_order_of_insales_is_its_lines_less_discount_and_the_delivery(
    company: SimulatedCompany,
) -> None:
    lines = rows_of(company, "insales/orders.csv", "\t")

    for rows in by_order(lines, "Номер заказа"):
        gross = sum(
            amount(row["Цена продажи"]) * int(row["Количество"]) for row in rows
        )
        assert amount(rows[0]["Сумма заказа"]) == (
            gross
            - amount(rows[0]["Сумма скидки"])
            + amount(rows[0]["Стоимость доставки"])
        )


def test_an_order_of_bitrix_has_a_price_for_every_position(
    company: SimulatedCompany,
) -> None:
    for row in rows_of(company, "bitrix_shop/orders.csv", ";"):
        positions = row["Позиции"].split("\n")
        prices = row["Цена товара"].split("\n")
        gross = sum(
            amount(price) * int(position.rpartition("(")[2].removesuffix(" шт)"))
            for position, price in zip(positions, prices, strict=True)
        )
        # discounts of up to 15 % and a delivery of 350 roubles stand in no column
        assert gross * Decimal("0.85") <= amount(row["Сумма"]) <= gross + 350


def test_a_line_of_a_receipt_is_price_times_quantity_less_discount(
    company: SimulatedCompany,
) -> None:
    rows = rows_of(company, "pos/receipts.csv", ";")

    assert {row["Возврат"] for row in rows} == {"Да", "Нет"}
    for row in rows:
        assert amount(row["Сумма"]) == (
            amount(row["Цена"]) * amount(row["Количество"]) - amount(row["Скидка"])
        )


def test_attempts_to_pay_are_for_the_total_of_the_order_and_settle_it(
    company: SimulatedCompany,
) -> None:
    orders = {
        row["Name"]: row for row in rows_of(company, "shopify/orders.csv") if row["Id"]
    }
    with company.paths["payments/attempts.jsonl"].open() as file:
        attempts = [json.loads(line) for line in file]

    last = {}
    for attempt in sorted(attempts, key=lambda attempt: attempt["attempt_number"]):
        order = orders[attempt["order_name"]]
        assert attempt["amount"] == 100 * Decimal(order["Total"])
        assert attempt["currency"] == order["Currency"]
        assert attempt["payment_id"] == order["Payment ID"]
        last[attempt["order_name"]] = attempt
    assert {attempt["status"] for attempt in attempts} == {
        "succeeded", "failed", "interrupted", "canceled", "pending"
    }  # fmt: skip
    by_card = {
        name for name, row in orders.items() if row["Payment Method"] == "Bank card"
    }
    assert last.keys() == by_card
    for name, attempt in last.items():
        assert (attempt["status"] == "succeeded") == bool(orders[name]["Paid at"])


def test_a_checkout_that_was_recovered_is_followed_by_its_order(
    company: SimulatedCompany,
) -> None:
    orders = defaultdict(list)
    for row in rows_of(company, "shopify/orders.csv"):
        orders[row["Email"], row["Total"]].append(row["Created at"])

    recovered = [
        row
        for row in rows_of(company, "shopify/abandoned_checkouts.csv")
        if row["Recovery"] == "Recovered" and row["Email"].islower()
    ]
    assert recovered
    for row in recovered:
        assert any(
            created > row["Created at"]
            for created in orders[row["Email"], row["Total"]]
        )
