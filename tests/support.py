"""What tests of more than one folder need."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.components import pipeline
from orchestration.components.metrics import metric_names
from orchestration.launch import launch
from orchestration.lib.activation.feedback import copy_feedback
from orchestration.lib.experiments import record
from orchestration.lib.forecast import company
from orchestration.lib.identity import stable_ids
from orchestration.lib.landing import ledger
from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.publish import history
from orchestration.lib.quality import contacts, deletions, judge
from orchestration.lib.warehouse import connect
from orchestration.settings import PROJECT, Settings, load_settings

SHARED_DATA = PROJECT.parent / "shared" / "data"
CRM360 = Path(sys.executable).with_name("crm360")
DBT = Path(sys.executable).with_name("dbt")


def shared(name: str) -> Path:
    """A real data set kept beside the project; skips the test where it is absent."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"the data set {name} is not beside this checkout")
    return path


@contextmanager
def at_home(home: Path, config: str = "") -> Iterator[Settings]:
    """Settings for state below `home`, with `config` as the crm360.toml."""
    home.mkdir(parents=True, exist_ok=True)
    path = home / "crm360.toml"
    path.write_text(config, encoding="utf-8")
    before = {name: os.environ.get(name) for name in ("CRM360_HOME", "CRM360_CONFIG")}
    os.environ |= {"CRM360_HOME": str(home), "CRM360_CONFIG": str(path)}
    load_settings.cache_clear()
    pipeline.contracts.cache_clear()
    try:
        yield load_settings()
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        load_settings.cache_clear()
        pipeline.contracts.cache_clear()


def run_pipeline(home: Path, landing: Path, as_of: date, config: str = "") -> list[str]:
    """Run the daily job in this process; returns its failures."""
    with at_home(home, config) as settings:
        return launch(settings, landing=landing, as_of=as_of)


def crm360(*arguments: str, home: Path, **kwargs: Any) -> Any:
    """Call the command line as a person would, in a process of its own."""
    environment = {
        **os.environ,
        "CRM360_HOME": str(home),
        "CRM360_CONFIG": str(home / "crm360.toml"),
    }
    return subprocess.run(
        [str(CRM360), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **kwargs,
    )


def rows(path: Path, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """The rows of a query over one of the project's DuckDB files."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def content(path: Path) -> dict[str, list[Any]]:
    """All tables of a DuckDB file with their rows, in the order of their values."""
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        return {
            f"{schema}.{table}": connection.execute(
                f'from "{schema}"."{table}" order by all'
            ).fetchall()
            for schema, table in tables
        }


def empty_warehouse(home: Path) -> None:
    """A warehouse as before the first delivery: every source there, and empty."""
    with connect(home / "warehouse.duckdb") as connection:
        ledger.create_ledger(connection, home / "raw")
        judge.create_tables(connection)
        deletions.create_tables(connection)
        judge.reconcile(connection, [])
        contacts.create_tables(connection, "none")
        copy_feedback(connection, home / "activation.duckdb")
        stable_ids.create_tables(connection)
        company.create_tables(connection)
        record.create_tables(connection)
        history.create_tables(connection, metric_names())
        for contract in read_contracts(PROJECT / "models"):
            ledger.create_raw_table(connection, contract, home / "raw")


def dbt(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Call dbt on the project with its state below `home`."""
    return subprocess.run(
        [
            str(DBT), *arguments, "--profiles-dir", ".",
            "--target-path", str(home / "dbt"), "--log-path", str(home / "dbt"),
        ],
        cwd=PROJECT / "dbt_project",
        env={**os.environ, "CRM360_HOME": str(home), "DO_NOT_TRACK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
