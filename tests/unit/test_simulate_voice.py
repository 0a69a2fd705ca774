"""Advertising, loyalty and calls of the simulated company fit what else it did."""

import csv
import re
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration.lib.simulate import DefectRates, SimulatedCompany, simulate


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A company without a single defect."""
    return simulate(
        tmp_path_factory.mktemp("voice") / "company",
        customers=400,
        rates=DefectRates.none(),
        every_system=True,
    )


def rows_of(
    path: Path, delimiter: str = ",", encoding: str = "utf-8", above: int = 0
) -> list[dict[str, str]]:
    """The rows of a file below so many lines above its header."""
    with path.open(encoding=encoding, newline="") as file:
        for _ in range(above):
            next(file)
        return list(csv.DictReader(file, delimiter=delimiter))


def amount(text: str) -> Decimal:
    """An amount in English, Russian or French."""
    bare = re.sub("[€ \u202f]", "", text)
    is_english = re.search(r"[.]\d\d$", bare)
    return Decimal(bare.replace(",", "" if is_english else "."))


def test_platforms_charge_what_the_campaigns_cost(company: SimulatedCompany) -> None:
    cost = defaultdict(Decimal)
    for row in rows_of(company.paths["ads/campaign_costs.csv"]):
        if row["Channel"] in ("context_ads", "social_ads"):
            cost[row["Date"], row["Campaign"]] += amount(row["Amount"])

    charged = defaultdict(Decimal)
    meta, google = ("utf-8-sig", 0), (",", "utf-8", 2)
    for name, layout, day, campaign, spent in (
        ("meta_ads/costs_usd.csv", (",", *meta),
         "Reporting starts", "Campaign name", "Amount spent (USD)"),
        ("meta_ads/costs_rub.csv", (";", *meta),
         "Début des rapports", "Nom de la campagne", "Montant dépensé (RUB)"),
        ("google_ads/costs_eur.csv", google, "Day", "Campaign", "Cost"),
        ("google_ads/costs_rub.csv", ("\t", "utf-16", 2), "Day", "Campaign", "Cost"),
        ("yandex_direct/costs.csv", (";", "cp1251", 3),
         "Дата", "Кампания", "Расход (руб., с НДС)"),
    ):  # fmt: skip
        for row in rows_of(company.paths[name], *layout):
            date = re.sub(r"(\d\d)[.](\d\d)[.](\d{4})", r"\3-\2-\1", row[day])
            if row[campaign] not in ("", " --"):
                charged[date, row[campaign]] += amount(row[spent])

    assert charged == cost


def test_a_card_holds_what_its_ledger_says_and_loses_no_more_than_it_earned(
    company: SimulatedCompany,
) -> None:
    """The 200 points that it was issued with stay."""
    balances: dict[str, Decimal] = defaultdict(Decimal)
    operations = set()
    for row in rows_of(company.paths["loyalty/ledger.csv"], ";", "cp1251"):
        operations.add(row["Операция"])
        points = amount(row["Баллы"])
        goes = row["Операция"] in ("Списание", "Сгорание")
        balances[row["Номер карты"]] += -points if goes else points
        assert balances[row["Номер карты"]] == amount(row["Баланс"]) >= 200

    assert operations == {
        "Начисление", "Списание", "Сгорание", "Корректировка", "Возврат"
    }  # fmt: skip


def test_nobody_is_called_who_asked_not_to_be(company: SimulatedCompany) -> None:
    calls = defaultdict(list)
    for row in rows_of(company.paths["call_centre/calls.csv"], ";", "utf-8-sig"):
        started_at = datetime.strptime(row["Начало"], "%d.%m.%Y %H:%M:%S")
        number = re.sub(r"\D", "", row["Телефон"])[-10:]
        if number:
            calls[number].append((started_at, row))
    refusals = {
        number: min(at for at, row in theirs if row["Просил не звонить"] == "Да")
        for number, theirs in calls.items()
        if any(row["Просил не звонить"] == "Да" for _, row in theirs)
    }

    assert refusals
    for number, refused_at in refusals.items():
        assert all(
            row["Направление"] == "Входящий"
            for at, row in calls[number]
            if at > refused_at
        )
