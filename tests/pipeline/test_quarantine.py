"""The quarantine as a workplace: what people decide flows, lasts, and can be undone."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import duckdb
import pytest
from dagster import AssetKey, DagsterInstance

from orchestration.lib.quality.overrides import read_overrides
from tests.pipeline.conftest import AS_OF
from tests.support import crm360, rows, run_pipeline

DISCOUNTED = "#90001"


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path: Path, records: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, records[0].keys())
        writer.writeheader()
        writer.writerows(records)


@pytest.fixture(scope="module")
def members(company: Callable[..., Path]) -> list[dict[str, str]]:
    """Two who subscribed to the newsletter."""
    return read_csv(company(0.02) / "mailchimp" / "subscribed_members.csv")[:2]


@pytest.fixture(scope="module")
def landing(
    tmp_path_factory: pytest.TempPathFactory,
    company: Callable[..., Path],
    members: list[dict[str, str]],
) -> Path:
    """The company's dirt, an order with an odd discount, two odd unsubscribes."""
    landing = tmp_path_factory.mktemp("landing") / "exports"
    copytree(company(0.02), landing)
    orders = read_csv(landing / "shopify" / "orders.csv")
    sound = next(
        order["Name"]
        for order in orders
        if order["Financial Status"] == "paid" and order["Currency"] == "RUB"
    )
    order = [row | {"Name": DISCOUNTED} for row in orders if row["Name"] == sound]
    order[0] |= {"Id": "900010001", "Discount Amount": "a third"}
    write_csv(landing / "shopify" / "orders_odd.csv", order)
    left = dict.fromkeys(
        read_csv(landing / "mailchimp" / "unsubscribed_members.csv")[0], ""
    )
    write_csv(
        landing / "mailchimp" / "unsubscribed_members_odd.csv",
        [
            {name: member.get(name, "") for name in left} | {"UNSUB_TIME": "recently"}
            for member in members
        ],
    )
    return landing


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, landing: Path) -> Path:
    home = tmp_path_factory.mktemp("quarantine")
    assert run_pipeline(home, landing, AS_OF) == []
    return home


def quarantine(*arguments: str, home: Path) -> str:
    """What the command says, which must succeed."""
    done = crm360("quarantine", *arguments, home=home)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def row_ids(home: Path, condition: str) -> list[str]:
    return [
        row[0]
        for row in rows(
            home / "warehouse.duckdb",
            f"select row_id from quality.quarantine where {condition}"
            " order by file_id, line",
        )
    ]


def statuses(home: Path) -> dict[str, int]:
    return dict(
        rows(
            home / "warehouse.duckdb",
            "select status, count(*) from quality.quarantine group by status",
        )
    )


def silenced(home: Path, members: list[dict[str, str]]) -> list[Any]:
    """Why nobody writes to the members now."""
    return rows(
        home / "warehouse.duckdb",
        "select distinct reason from intermediate.int_suppressions"
        " where list_contains(?, contact_point)",
        [[member["Email Address"].lower() for member in members]],
    )


def assert_everything_adds_up(home: Path) -> None:
    files = rows(
        home / "warehouse.duckdb",
        "select delivered = accepted + quarantined + duplicates"
        " from quality.reconciliation",
    )
    assert set(files) == {(True,)}


def test_what_waits_is_counted_and_shown_without_its_values(home: Path) -> None:
    counts = json.loads(quarantine("list", "--json", home=home))
    assert sum(count["findings"] for count in counts) == statuses(home)["open"]
    assert "letter_for_digit" in quarantine("list", "--by", "rule", home=home)

    [row_id] = row_ids(home, "column_name = 'discount_amount'")
    masked = quarantine("show", row_id, home=home)
    assert "shopify/orders_odd.csv line 2" in masked
    assert "a third" not in masked
    assert "a third" in quarantine("show", row_id, "--reveal", home=home)
    addresses = quarantine("show", "--rule", "homoglyph", "--json", home=home)
    assert "@" in addresses
    values = rows(
        home / "warehouse.duckdb",
        "select unnest([value, suggestion]) from quality.quarantine"
        " where rule = 'homoglyph'",
    )
    assert [value for [value] in values if value in addresses] == []


def test_while_a_run_is_on_the_commands_say_so(home: Path) -> None:
    with duckdb.connect(str(home / "warehouse.duckdb")):
        told = crm360("quarantine", "list", home=home)

    assert told.returncode == 1
    assert "is in use by another process" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_decision_on_everything_or_without_a_yes_is_none(home: Path) -> None:
    everything = crm360("quarantine", "drop", "--yes", home=home)
    assert everything.returncode == 2
    letters = ("--rule", "letter_for_digit", "--export", "shopify.orders")
    asked = crm360("quarantine", "repair", *letters, "--accept", home=home, input="n\n")
    assert asked.returncode == 1
    assert "lineitem_price" in asked.stdout

    assert not (home / "overrides.jsonl").exists()


def test_what_is_decided_flows_and_lasts(
    home: Path, landing: Path, members: list[dict[str, str]]
) -> None:
    assert silenced(home, members) == [("in_quarantine",)]
    letters = ("--rule", "letter_for_digit", "--export", "shopify.orders")
    held = row_ids(home, "rule = 'letter_for_digit' and source = 'shopify'"
                         " and export = 'orders'")  # fmt: skip
    [discount] = row_ids(home, "column_name = 'discount_amount'")
    undated = row_ids(home, "column_name = 'created_at'")[0]
    dropped, released = row_ids(home, "column_name = 'unsub_time'")
    quarantine("repair", *letters, "--accept", "--yes", "--by", "anna", home=home)
    homoglyphs = ("--rule", "homoglyph", "--export", "hubspot.contacts")
    quarantine("repair", *homoglyphs, "--accept", "--yes", home=home)
    quarantine("release", discount, "--note", "no discount was given", home=home)
    quarantine("drop", undated, dropped, home=home)
    quarantine("release", released, home=home)
    assert "decided" in quarantine("list", home=home)
    [(name, wrong)] = rows(
        home / "warehouse.duckdb",
        "select split_part(subject, '=', 2), value from quality.quarantine"
        " where row_id = ?",
        [held[0]],
    )
    orders = read_csv(landing / "shopify" / "orders.csv")
    again = [row for row in orders if row["Name"] == name]
    assert wrong in {row["Lineitem price"] for row in again}
    write_csv(landing / "shopify" / "orders_again.csv", again)

    assert run_pipeline(home, landing, AS_OF) == []

    assert_everything_adds_up(home)
    prices = rows(
        home / "warehouse.duckdb",
        """
        select orders.unit_price, quarantine.suggestion, file_ledger.file_name
        from staging.stg_shopify__orders as orders
        inner join quality.quarantine
            on quarantine.file_id = orders._file_id
            and quarantine.line = orders._line
            and quarantine.status = 'repaired'
        inner join ops.file_ledger on file_ledger.file_id = orders._file_id
        order by orders._file_id, orders._line
        """,
    )
    assert len(prices) == len(held), "the newest delivery of each order"
    assert all(float(price) == float(repair) for price, repair, _ in prices)
    assert {file for *_, file in prices} == {
        "shopify/orders.csv", "shopify/orders_again.csv",
    }  # fmt: skip
    addresses = rows(
        home / "warehouse.duckdb",
        """
        select count(*) > 3, bool_and(contacts.email = quarantine.suggestion)
        from staging.stg_hubspot__contacts as contacts
        inner join quality.quarantine
            on quarantine.file_id = contacts._file_id
            and quarantine.line = contacts._line
        where quarantine.rule = 'homoglyph'
        """,
    )
    assert addresses == [(True, True)]
    assert rows(
        home / "warehouse.duckdb",
        """
        select unexpected
        from quality.expectation_results
        where source = 'hubspot' and check_name = 'email__homoglyph'
        order by checked_at
        """,
    )[-1] == (0,), "the suite judges what the models read"
    assert rows(
        home / "marts.duckdb",
        "select discount_amount = 0 from orders where order_number = ?",
        [DISCOUNTED],
    ) == [(True,)]
    assert rows(
        home / "warehouse.duckdb",
        "select verdict from quality.held_rows where concat(_file_id, ':', _line) = ?",
        [undated],
    ) == [("quarantined",)]
    assert statuses(home)["repaired"] > len(held)
    assert statuses(home)["released"] == 2


def test_a_dropped_and_a_released_unsubscribe_open_no_way_to_send(
    home: Path, members: list[dict[str, str]]
) -> None:
    """The cell that nobody could read may have said when they unsubscribed."""
    assert silenced(home, members) == [("in_quarantine",)]
    sent = (home / "outbox" / "winback" / "members.csv").read_text()
    for member in members:
        assert member["Email Address"].lower() not in sent.lower()


def test_what_is_open_is_told_by_status_and_dagster(home: Path) -> None:
    summary = json.loads(crm360("status", "--json", home=home).stdout)
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        event = instance.get_latest_materialization_event(
            AssetKey(["quality", "quarantine"])
        )
    assert event is not None and event.asset_materialization is not None
    metadata = event.asset_materialization.metadata

    (expected,) = rows(
        home / "warehouse.duckdb",
        "select count(distinct row_id) from quality.quarantine where status = 'open'",
    )
    assert summary["row_statuses"]["open"] == expected[0] > 0
    assert metadata["rows open"].value == expected[0]
    assert "quarantine open" in crm360("status", home=home).stdout


def test_decisions_outlive_the_warehouse_and_one_can_be_taken_back(
    home: Path, landing: Path
) -> None:
    before = rows(
        home / "warehouse.duckdb",
        "select * from quality.quarantine where rule <> 'invalid_number' order by all",
    )
    release = next(
        override
        for override in read_overrides(home / "overrides.jsonl")
        if override.column == "discount_amount"
    )
    quarantine("undo", release.id, "--note", "there was one", home=home)
    unknown = crm360("quarantine", "undo", release.id, home=home)
    assert unknown.returncode == 2
    assert f"no decision {release.id} is in force" in unknown.stderr

    done = crm360(
        "run", "--full", "--landing", str(landing), "--as-of", AS_OF.isoformat(),
        home=home,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert_everything_adds_up(home)
    after = rows(
        home / "warehouse.duckdb",
        "select * from quality.quarantine where rule <> 'invalid_number'"
        " and value is distinct from ? order by all",
        [DISCOUNTED],
    )
    assert after == before
    assert rows(
        home / "warehouse.duckdb",
        "select rule, status from quality.quarantine where value in (?, 'a third')"
        " group by all order by all",
        [DISCOUNTED],
    )[-1] == ("invalid_number", "open")
