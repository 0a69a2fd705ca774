"""A company with its dirt, over several days: first run, rerun, changes, departures."""

import csv
import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from dagster import AssetKey, DagsterInstance

from orchestration.dbt import dbt_project, mart_nodes
from tests.pipeline.conftest import AS_OF, FirstRun
from tests.support import content, rows, run_pipeline

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


def test_one_change_and_one_opt_out_send_two_rows(home: Path, landing: Path) -> None:
    """A corrected name and an unsubscribe arrive as new files of the next day."""
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
    with (landing / "hubspot" / "contacts.csv").open(newline="") as file:
        contacts = list(csv.DictReader(file))
    contact = next(row for row in contacts if row["Record ID"] == changed[2])
    contact |= {"Last Name": "Renamed", "Last Modified Date": "2026-10-31 09:00"}
    for row in contacts:
        if row is not contact:
            continue
        with (landing / "hubspot" / "contacts_corrected.csv").open("w") as file:
            writer = csv.DictWriter(file, contacts[0].keys())
            writer.writeheader()
            writer.writerow(row)
    event = {
        "email": leaving[1],
        "timestamp": 1793440000,
        "event": "unsubscribe",
        "sg_event_id": "late-unsubscribe",
    }
    (landing / "sendgrid" / "events_2026-10-31.json").write_text(json.dumps([event]))
    before = rows(home / "activation.duckdb", "select count(*) from acknowledged")

    assert run_pipeline(home, landing, AS_OF) == []

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
    ) == [("change", changed[0]), ("remove", leaving[0])]
    (after,) = rows(home / "activation.duckdb", "select count(*) from acknowledged")
    assert after[0] == before[0][0] - 1
    with (home / "outbox" / "winback" / "members.csv").open(newline="") as file:
        members = {row["customer_id"]: row for row in csv.DictReader(file)}
    assert members[changed[0]]["last_name"] == "Renamed"
    assert leaving[0] not in members


def test_the_same_file_under_another_name_is_seen_and_not_read_again(
    home: Path, landing: Path
) -> None:
    """Runs on its own copy of the ledger: nothing downstream may notice."""
    again = landing / "shopify" / "customers (copy).csv"
    again.write_bytes((landing / "shopify" / "customers.csv").read_bytes())
    marts = content(home / "marts.duckdb")

    assert run_pipeline(home, landing, AS_OF) == []

    assert rows(
        home / "warehouse.duckdb",
        "select outcome, reason from ops.file_ledger where file_name = ?",
        ["shopify/customers (copy).csv"],
    ) == [("seen_before", "the same content as shopify/customers.csv: not read again")]
    assert content(home / "marts.duckdb") == marts
