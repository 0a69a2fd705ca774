"""Every KPI is recomputed in pandas from the truth, by the words of docs/metrics.md.

Who is who is taken from the run, since identity is measured by itself; how far figures
are from those of the real people is what docs/metrics.md says.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import PROJECT
from tests.pipeline.conftest import FirstRun
from tests.support import rows
from tests.truth import channels, company, customers, journeys, voices
from tests.truth.arithmetic import GRAINS, start_of
from tests.truth.facts import MICRO, Facts, read_facts, read_identity

Row = dict[str, Any]

PERIOD = ("period_grain", "period_start")

#: What recomputes a mart, its key, and the part of the mart that is recomputed.
MARTS: dict[str, tuple[Callable[[Facts], list[Row]], tuple[str, ...], str]] = {
    "kpi_company": (company.kpi_company, PERIOD, "true"),
    "kpi_dimensions": (
        company.kpi_dimensions,
        ("dimension", "member", *PERIOD),
        "dimension <> 'company' and period_grain <> 'day'",
    ),
    "attribution": (
        journeys.attribution,
        ("attribution_model", "order_id", "touch_number"),
        "true",
    ),
    "kpi_channels": (
        channels.kpi_channels,
        ("attribution_model", "channel", *PERIOD),
        "true",
    ),
    "kpi_campaigns": (
        channels.kpi_campaigns,
        ("attribution_model", "channel", "campaign_id", *PERIOD),
        "true",
    ),
    "kpi_contacts": (channels.kpi_contacts, ("channel", *PERIOD), "true"),
    "contact_pressure": (
        channels.contact_pressure,
        ("channel", "week_start"),
        "true",
    ),
    "campaign_acquisition": (
        channels.campaign_acquisition,
        ("channel", "campaign_id"),
        "true",
    ),
    "funnels": (
        channels.funnels,
        ("funnel", "member", "month_start", "step_number"),
        "true",
    ),
    "nps": (voices.nps, ("dimension", "member", *PERIOD), "true"),
    "kpi_loyalty": (voices.kpi_loyalty, PERIOD, "true"),
    "rfm": (customers.rfm, ("customer_id",), "true"),
    "segment_members": (
        customers.segment_members,
        ("customer_id", "segment"),
        "true",
    ),
    "cohort_retention": (
        customers.cohort_retention,
        ("cohort_month", "month_number"),
        "true",
    ),
    "cohort_dimensions": (
        customers.cohort_dimensions,
        ("dimension", "member", "cohort_month", "month_number"),
        "dimension <> 'company'",
    ),
    "customer_360": (customers.customer_360, ("customer_id",), "true"),
}


@dataclass(frozen=True)
class Compared:
    """A run, and the truth as it could know it and as it is."""

    run: FirstRun

    knowable: Facts
    """Without the orders that were spoiled, by the customers of the run."""

    true: Facts
    """All that happened, by the people to whom it did."""


@pytest.fixture(scope="session")
def compared(first_run: Callable[[float], FirstRun]) -> Callable[[float], Compared]:
    made: dict[float, Compared] = {}

    def compare(defects: float) -> Compared:
        if defects not in made:
            run = first_run(defects)
            made[defects] = Compared(
                run,
                read_facts(
                    run.exports, read_identity(run.figures), spoiled_orders(run.exports)
                ),
                read_facts(run.exports),
            )
        return made[defects]

    return compare


def spoiled_orders(exports: Path) -> frozenset[str]:
    """Ids of orders with a price, a day or a currency that cannot be read."""
    with (exports / "truth" / "defects.csv").open(newline="") as file:
        spoiled = {
            int(defect["line"])
            for defect in csv.DictReader(file)
            if defect["file_name"] == "shopify/orders.csv"
            and defect["rule"] != "exact_duplicate"
        }
    names = set()
    with (exports / "shopify" / "orders.csv").open(newline="") as file:
        reader = csv.reader(file)
        next(reader)
        line = reader.line_num + 1
        for cells in reader:
            if line in spoiled:
                names.add(cells[0])
            line = reader.line_num + 1
    with (exports / "truth" / "orders.csv").open(newline="") as file:
        return frozenset(
            order["order_id"]
            for order in csv.DictReader(file)
            if order["name"] in names
        )


@pytest.mark.parametrize("defects", [0, 0.02], ids=["clean", "dirty"])
@pytest.mark.parametrize("mart", MARTS)
def test_every_figure_is_that_of_the_truth(
    compared: Callable[[float], Compared], mart: str, defects: float
) -> None:
    """To the kopeck; on dirty data but for the orders that were spoiled."""
    recompute, key, part = MARTS[mart]
    expected = recompute(compared(defects).knowable)
    columns = list(expected[0]) if expected else list(key)
    found = [
        dict(zip(columns, row, strict=True))
        for row in rows(
            compared(defects).run.figures / "marts.duckdb",
            f"select {', '.join(columns)} from {mart} where {part}",
        )
    ]

    def by_key(figures: list[Row]) -> dict[tuple[Any, ...], Row]:
        return {tuple(row[name] for name in key): row for row in figures}

    expected_by_key, found_by_key = by_key(expected), by_key(found)
    assert expected_by_key.keys() == found_by_key.keys()
    assert [
        (of, column, row[column], found_by_key[of][column])
        for of, row in expected_by_key.items()
        for column in columns
        if row[column] != found_by_key[of][column]
    ] == []
    assert found or (mart, defects) == ("nps", 0.02), "nobody was asked there"


def test_mail_reaches_whom_it_may_and_nobody_besides(
    compared: Callable[[float], Compared],
) -> None:
    """Dirt only takes away: addresses that nobody can read stay silent."""

    def reached(defects: float) -> list[tuple[int, int]]:
        return rows(
            compared(defects).run.figures / "marts.duckdb",
            "select customers, reachable from reachability where channel = 'email'",
        )

    clean, dirty = compared(0).knowable, compared(0.02).knowable

    assert reached(0) == [(len(clean.customers), customers.reachable_by_email(clean))]
    [(everybody, reachable)] = reached(0.02)
    assert everybody == len(dirty.customers)
    assert reachable < customers.reachable_by_email(dirty)


def test_what_revenue_lacks_is_held_back_to_the_kopeck(
    compared: Callable[[float], Compared],
) -> None:
    """And every order that was spoiled lies in the quarantine."""
    run, true = compared(0.02).run, compared(0.02).true
    lost = true.orders[true.orders["order_id"].isin(spoiled_orders(run.exports))]
    paid = lost[lost["is_paid"]]

    assert len(paid) > 0
    for grain in GRAINS:
        found = {
            start: (orders, net * MICRO)
            for start, orders, net in rows(
                run.figures / "marts.duckdb",
                "select period_start, orders, net_revenue from kpi_sums"
                f" where dimension = 'company' and period_grain = '{grain}'",
            )
        }
        happened = true.orders[true.orders["is_paid"]]
        for some, sign in ((happened, 1), (paid, -1)):
            for start, nets in some.groupby(start_of(some["ordered_on"], grain))["net"]:
                orders, net = found[start.date()]
                found[start.date()] = (
                    orders - sign * len(nets), net - sign * int(nets.sum())
                )  # fmt: skip
        assert set(found.values()) == {(0, 0)}
    assert {
        subject.removeprefix("name=")
        for (subject,) in rows(
            run.figures / "warehouse.duckdb",
            "select distinct subject from quality.quarantine"
            " where source = 'shopify' and export = 'orders'"
            " and severity = 'critical' and subject is not null",
        )
    } == set(lost["name"])


def test_figures_are_as_far_from_the_truth_as_documented(
    compared: Callable[[float], Compared],
) -> None:
    """The table of docs/metrics.md, line by line."""
    text = (PROJECT / "docs" / "metrics.md").read_text(encoding="utf-8")
    documented = re.findall(
        r"^\| `(\w+)` \| ([-+0-9.]+) % \| ([-+0-9.]+) % \|", text, re.MULTILINE
    )
    metrics = [metric for metric, _, _ in documented]
    clean, dirty = (off(compared(defects), metrics) for defects in (0, 0.02))

    assert {"orders", "buyers", "net_revenue", "arpu"} <= set(metrics)
    assert documented == list(zip(metrics, clean, dirty, strict=True))


def off(compared: Compared, metrics: list[str]) -> list[str]:
    """By how many percent figures of the year 2025 are off."""
    [true] = [
        row
        for row in company.kpi_company(compared.true)
        if row["period_grain"] == "year" and row["period_start"].year == 2025
    ]
    [found] = rows(
        compared.run.figures / "marts.duckdb",
        f"select {', '.join(metrics)} from kpi_company"
        " where period_grain = 'year' and period_start = '2025-01-01'",
    )
    return [
        f"{100 * (figure - true[metric]) / abs(true[metric]):+.1f}".replace(
            "-0.0", "+0.0"
        )
        for metric, figure in zip(metrics, found, strict=True)
    ]
