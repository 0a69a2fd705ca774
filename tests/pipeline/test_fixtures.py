"""A small file of every export in its vendor's own layout: all of it lands and flows.

`tests/fixtures/exports/<source>/` holds them, with invented people and the quirks that
the vendor's real exports have. Nothing in them is wrong, so nothing may be held back.
Those of some systems are delivered in an archive.
"""

import shutil
from pathlib import Path

import pytest

from orchestration.dbt import MODELS
from orchestration.lib.landing.contract import ExportContract, read_contracts
from tests.pipeline.conftest import AS_OF
from tests.support import rows, run_pipeline

EXPORTS = Path(__file__).parents[1] / "fixtures" / "exports"
CONTRACTS = read_contracts(MODELS)
PACKED = ("shopify", "mailchimp", "questionnaires")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fixtures")
    for exports in EXPORTS.iterdir():
        place = "packed" if exports.name in PACKED else "landing"
        shutil.copytree(exports, folder / place / exports.name)
    shutil.make_archive(str(folder / "landing" / "exports"), "zip", folder / "packed")
    assert run_pipeline(folder / "home", folder / "landing", AS_OF) == []
    return folder / "home" / "warehouse.duckdb"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.key)
def test_every_export_has_a_fixture_that_lands_as_its_contract_says(
    warehouse: Path, contract: ExportContract
) -> None:
    landed = rows(
        warehouse,
        "select outcome, rows_rejected, columns_extra, columns_missing"
        " from ops.file_ledger where source = ? and export = ?",
        [contract.source, contract.export],
    )

    assert landed, "no file of tests/fixtures/exports belongs to it"
    assert landed == [("landed", 0, [], [])] * len(landed)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.key)
def test_nothing_in_a_fixture_is_held_back_and_its_staging_model_has_rows(
    warehouse: Path, contract: ExportContract
) -> None:
    held = rows(
        warehouse,
        "select column_name, rule, line from quality.quarantine"
        " where source = ? and export = ?",
        [contract.source, contract.export],
    )
    model = f"staging.stg_{contract.source}__{contract.export}"

    assert held == []
    assert rows(warehouse, f"select count(*) > 0 from {model}") == [(True,)]


def test_every_fixture_belongs_to_an_export(warehouse: Path) -> None:
    assert (
        rows(
            warehouse,
            "select file_name, reason from ops.file_ledger where source is null",
        )
        == []
    )


def test_every_member_of_an_archive_lands_under_its_own_name(warehouse: Path) -> None:
    members = {
        f"exports.zip/{path.relative_to(EXPORTS).as_posix()}"
        for system in PACKED
        for path in (EXPORTS / system).rglob("*")
        if path.is_file()
    }

    assert {
        name
        for (name,) in rows(
            warehouse,
            "select file_name from ops.file_ledger"
            " where file_name like 'exports.zip/%' and outcome = 'landed'",
        )
    } == members
    assert rows(
        warehouse,
        "select count(*) > 0, sum(delivered) = sum(accepted)"
        " from quality.reconciliation where source = 'shopify'",
    ) == [(True, True)]
    assert rows(
        warehouse,
        "select distinct file_name from staging.stg_shopify__orders"
        " join ops.file_ledger on file_id = _file_id",
    ) == [("exports.zip/shopify/orders_2026-10-31.csv",)]
