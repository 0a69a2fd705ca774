"""A company with its dirt, over several days: first run, rerun, changes, departures."""

import csv
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from dagster import AssetKey, DagsterInstance

from orchestration.dbt import dbt_project, mart_nodes
from orchestration.lib.report.figures import explain_figure, read_period
from tests.pipeline.conftest import AS_OF, FirstRun
from tests.support import content, crm360, rows, run_pipeline

#: Opens the published marts over and over, as BI tools do, until told to stop.
READER = """
import sys, duckdb, pathlib
published, stop = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
seen, reads, is_last = set(), 0, False
while not is_last:
    is_last = stop.exists()
    for name in ("marts.duckdb", "marts_private.duckdb"):
        with duckdb.connect(str(published / "current" / name), read_only=True) as c:
            marts = c.execute("select count(*) from customer_360").fetchone()[0]
            assert marts > 0
            seen.add(c.execute("select count(*) from ops.runs").fetchone()[0])
    reads += 1
print(reads, len(seen))
"""


@pytest.fixture(scope="module")
def landing(first_run: Callable[[float], FirstRun]) -> Path:
    """Its exports, to which these tests, and no others, add files."""
    return first_run(0.02).exports


@pytest.fixture(scope="module")
def home(first_run: Callable[[float], FirstRun]) -> Path:
    """Its state, with which these tests, and no others, go on."""
    return first_run(0.02).home


@pytest.fixture(scope="module")
def defects(landing: Path) -> list[dict[str, str]]:
    with (landing / "truth" / "defects.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_materialised_every_model_and_every_other_asset(home: Path) -> None:
    """dbt says success when a path selects nothing: count what was made."""
    manifest = json.loads(dbt_project.manifest_path.read_text())
    models = {
        (node["fqn"][1], node["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
    }
    assert len(models) > 30

    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        made = {tuple(key.path) for key in instance.all_asset_keys()}
        assert instance.get_latest_materialization_event(AssetKey(["marts", "orders"]))

    assert models <= made
    for key in (
        ("shopify", "orders"),
        ("ops", "file_ledger"),
        ("quality", "reconciliation"),
        ("identity", "customer_ids"),
        ("published", "marts"),
        ("activation", "winback", "outbox"),
    ):
        assert key in made
    for schema, name in models - {(s, n) for s, n in models if s == "marts"}:
        assert rows(home / "warehouse.duckdb", f"select count(*) from {schema}.{name}")


def test_what_was_delivered_adds_up(home: Path) -> None:
    files = rows(
        home / "warehouse.duckdb",
        "select delivered, accepted, quarantined, duplicates"
        " from quality.reconciliation",
    )

    assert len(files) == 8
    for delivered, accepted, quarantined, duplicates in files:
        assert delivered == accepted + quarantined + duplicates


def test_every_exact_copy_and_no_other_row_is_a_duplicate(
    home: Path, defects: list[dict[str, str]]
) -> None:
    copies = sum(defect["rule"] == "exact_duplicate" for defect in defects)

    assert copies > 0
    assert rows(
        home / "warehouse.duckdb",
        "select sum(duplicates) from quality.reconciliation",
    ) == [(copies,)]


def test_accepted_rows_are_staged_and_held_ones_are_not(home: Path) -> None:
    assert rows(
        home / "warehouse.duckdb",
        """
        select count(*)
        from staging.stg_shopify__orders as staged
        inner join quality.held_rows
            on held_rows._file_id = staged._file_id and held_rows._line = staged._line
        """,
    ) == [(0,)]
    assert rows(
        home / "warehouse.duckdb",
        """
        select
            (select count(*) from staging.stg_shopify__orders) = sum(accepted)
        from quality.reconciliation
        where source = 'shopify' and export = 'orders'
        """,
    ) == [(True,)]


def test_a_currency_without_a_rate_is_never_summed(home: Path) -> None:
    assert rows(
        home / "marts.duckdb", "select count(*) from orders where currency = 'KZT'"
    ) == [(0,)]
    (held,) = rows(
        home / "warehouse.duckdb",
        "select count(*) from quality.quarantine where rule = 'currency_without_rate'",
    )
    assert held[0] > 0


def test_expectations_are_recorded_per_run_and_export(home: Path) -> None:
    results = rows(
        home / "warehouse.duckdb",
        """
        select export, count(*), bool_and(success), sum(unexpected)
        from quality.expectation_results
        where source = 'shopify' and severity = 'critical'
        group by export
        order by export
        """,
    )

    assert [row[0] for row in results] == ["customers", "orders"]
    assert results[1][3] > 0
    assert (home / "gx/uncommitted/data_docs/local_site/index.html").exists()


def test_published_marts_are_masked_and_whole_and_read_only(home: Path) -> None:
    current = home / "published" / "current"
    masked, private = current / "marts.duckdb", current / "marts_private.duckdb"

    assert rows(private, "select count(email) > 0 from marts.customer_360") == [(True,)]
    assert rows(masked, "select count(email) from marts.customer_360") == [(0,)]
    assert stat.S_IMODE(private.stat().st_mode) == 0o400
    assert stat.S_IMODE(masked.stat().st_mode) == 0o444
    assert sorted(content(masked)) == sorted(
        name for name in content(private) if not name.startswith("marts.")
    )


def test_nobody_can_be_recognised_in_what_analysts_get(
    home: Path, landing: Path
) -> None:
    with (landing / "truth" / "people.csv").open(newline="") as file:
        people = list(csv.DictReader(file))
    personal = {
        value
        for person in people
        for field in ("emails", "phones")
        for value in person[field].split("|")
        if value
    }
    current = home / "published" / "current"

    masked = json.dumps(content(current / "marts.duckdb"), default=str)
    for path in (current / "parquet").glob("*.parquet"):
        masked += json.dumps(
            duckdb.sql(f"from read_parquet('{path}')").fetchall(), default=str
        )

    assert len(personal) > 400
    assert [value for value in personal if value in masked] == []


def test_columns_are_explained_in_the_published_file(home: Path) -> None:
    comments = rows(
        home / "published/current/marts.duckdb",
        "select count(*), count(comment) from duckdb_columns()"
        " where table_name in (select table_name from duckdb_tables()"
        " where schema_name = 'main')",
    )

    assert comments[0][0] == comments[0][1] > 100


def test_a_rerun_changes_nothing_sends_nothing_and_disturbs_no_reader(
    home: Path, landing: Path, tmp_path: Path
) -> None:
    """Not even where a file is there once more, under another name."""
    again = landing / "shopify" / "customers (copy).csv"
    again.write_bytes((landing / "shopify" / "customers.csv").read_bytes())
    marts = content(home / "marts.duckdb")
    parquet = {
        path.name: path.read_bytes()
        for path in (home / "published/current/parquet").glob("*.parquet")
    }
    attempts = rows(home / "activation.duckdb", "select count(*) from attempts")
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(home / "published"), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert run_pipeline(home, landing, AS_OF) == []

    stop.touch()
    output, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors
    reads, versions = map(int, output.split())
    assert reads > 3
    assert versions == 2, "the reader saw the version before and the one after"
    assert content(home / "marts.duckdb") == marts
    assert {
        path.name: path.read_bytes()
        for path in (home / "published/current/parquet").glob("*.parquet")
    } == parquet
    assert len(parquet) == len(mart_nodes(dbt_project.manifest_path))
    assert rows(home / "activation.duckdb", "select count(*) from attempts") == attempts
    assert rows(
        home / "activation.duckdb",
        "select adds + changes + removes from plans order by created_at desc limit 1",
    ) == [(0,)]
    assert rows(
        home / "warehouse.duckdb",
        "select outcome, reason from ops.file_ledger where file_name = ?",
        ["shopify/customers (copy).csv"],
    ) == [("seen_before", "the same content as shopify/customers.csv: not read again")]


@dataclass(frozen=True)
class NextDelivery:
    """What the second delivery is about."""

    renamed: str
    unsubscribed: str
    members_before: int
    #: An order of September, of which 100 roubles are refunded.
    refunded: str


@pytest.fixture(scope="module")
def delivered(home: Path, landing: Path) -> NextDelivery:
    """A run after a corrected name, an unsubscribe and a refund came as new files."""
    changed, leaving = rows(
        home / "marts.duckdb",
        """
        select audience.customer_id, audience.email, identifiers.identifier_value
        from audience_winback as audience
        inner join customer_identifiers as identifiers
            on identifiers.customer_id = audience.customer_id
            and identifiers.identifier_type = 'hubspot.contacts'
        where audience.decision = 'send'
        order by audience.customer_id
        limit 2
        """,
    )
    deliver_again(
        landing / "hubspot" / "contacts.csv",
        {"Record ID": changed[2]},
        {"Last Name": "Renamed", "Last Modified Date": "2026-10-31 09:00"},
    )
    event = {
        "email": leaving[1],
        "timestamp": 1793440000,
        "event": "unsubscribe",
        "sg_event_id": "late-unsubscribe",
    }
    (landing / "sendgrid" / "events_2026-10-31.json").write_text(json.dumps([event]))
    ((refunded,),) = rows(
        home / "marts.duckdb",
        """
        select min(order_number)
        from orders
        where
            ordered_on between '2026-09-01' and '2026-09-30'
            and status = 'fulfilled'
            and currency = 'RUB'
            and line_count = 1
            and refund_amount = 0
            and net_amount > 100
        """,
    )
    deliver_again(
        landing / "shopify" / "orders.csv",
        {"Name": refunded},
        {"Financial Status": "partially_refunded", "Refunded Amount": "100.00"},
    )
    ((before,),) = rows(home / "activation.duckdb", "select count(*) from acknowledged")

    assert run_pipeline(home, landing, AS_OF) == []
    return NextDelivery(changed[0], leaving[0], before, refunded)


def deliver_again(file: Path, key: dict[str, str], values: dict[str, str]) -> None:
    """Write a row of a file to a file of its own, with other values."""
    with file.open(newline="") as read:
        delivered = list(csv.DictReader(read))
    row = next(row for row in delivered if key.items() <= row.items())
    with file.with_stem(f"{file.stem}_corrected").open("w") as corrected:
        writer = csv.DictWriter(corrected, row.keys())
        writer.writeheader()
        writer.writerow(row | values)


def test_one_change_and_one_opt_out_send_two_rows(
    home: Path, delivered: NextDelivery
) -> None:
    assert rows(
        home / "activation.duckdb",
        """
        select operation, customer_id
        from plan_rows
        where operation <> 'left_out' and plan_id = (
            select plan_id from plans order by created_at desc limit 1
        )
        order by operation
        """,
    ) == [("change", delivered.renamed), ("remove", delivered.unsubscribed)]
    (after,) = rows(home / "activation.duckdb", "select count(*) from acknowledged")
    assert after[0] == delivered.members_before - 1
    with (home / "outbox" / "winback" / "members.csv").open(newline="") as file:
        members = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert members[delivered.renamed]["last_name"] == "Renamed"
    assert delivered.unsubscribed not in members


def test_a_late_refund_restates_its_month_and_says_on_which_line(
    home: Path, delivered: NextDelivery
) -> None:
    published = home / "published/current/marts.duckdb"

    restated = {
        metric: (before, after, difference)
        for metric, before, after, difference in rows(
            published,
            """
            select metric, figure_before, figure_after, difference
            from kpi_restatements
            where dimension = 'company' and period_grain = 'month'
                and period_start = '2026-09-01' and restated_on = ? and cause = 'data'
            """,
            [AS_OF],
        )
    }
    assert restated["net_revenue"][2] == -100
    assert restated["aov"][0] > restated["aov"][1]
    assert restated.keys().isdisjoint({"orders", "gross_revenue", "churn_rate"})
    after, before = rows(
        published,
        """
        select version, what_changed, file_name, changes._line
        from kpi_restatement_orders as changes
        inner join orders using (order_id)
        inner join ops.file_ledger on file_id = changes._file_id
        where order_number = ?
        order by version
        """,
        [delivered.refunded],
    )
    assert after == ("after", "status, amount", "shopify/orders_corrected.csv", 2)
    assert before[:3] == ("before", "status, amount", "shopify/orders.csv")
    assert before[3] > 2


def test_restated_sums_differ_by_what_their_orders_do(
    home: Path, delivered: NextDelivery
) -> None:
    restated = rows(
        home / "marts.duckdb",
        "select count(*), count(distinct dimension) from kpi_restatements"
        " where metric = 'net_revenue' and difference = -100",
    )

    # By day, week, month and quarter, of five dimensions; half-year and year go on.
    assert restated == [(20, 5)]
    assert rows(
        home / "warehouse.duckdb",
        "select distinct status from quality.test_results"
        " where contains(node, 'assert_restated_sums_are_of_the_orders_behind')",
    ) == [("pass",)]


def test_a_restated_figure_is_explained_by_its_order(
    home: Path, delivered: NextDelivery
) -> None:
    figure = explain_figure(
        home / "warehouse.duckdb", home / "marts.duckdb", "aov", read_period("2026-09")
    )

    (restated,) = figure.restated
    (order,) = restated.orders
    assert restated.after == figure.value
    assert restated.order_count == 1
    assert (order.what, order.file_name, order.line) == (
        delivered.refunded, "shopify/orders_corrected.csv", 2
    )  # fmt: skip
    assert order.revenue_before is not None
    assert order.revenue_after == order.revenue_before - 100
    shown = crm360("explain", "kpi", "aov", "--period", "2026-09", home=home)
    assert f"restated on {AS_OF}: {figure.value:,} RUB" in shown.stdout
