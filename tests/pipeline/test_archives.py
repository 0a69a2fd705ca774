"""All exports in one archive: the same rows as from the folder that was packed."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import AS_OF
from tests.support import rows, run_pipeline

EXPORTS = Path(__file__).parents[1] / "fixtures" / "exports"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    shutil.make_archive(str(folder / "landing" / "exports"), "zip", EXPORTS)
    assert run_pipeline(folder / "home", folder / "landing", AS_OF) == []
    return folder / "home" / "warehouse.duckdb"


def test_every_member_of_an_archive_lands(warehouse: Path) -> None:
    members = {
        f"exports.zip/{path.relative_to(EXPORTS).as_posix()}"
        for path in EXPORTS.rglob("*")
        if path.is_file()
    }

    assert set(rows(warehouse, "select file_name, outcome from ops.file_ledger")) == {
        (member, "landed") for member in members
    }


def test_an_archive_reconciles_and_its_rows_name_the_member(warehouse: Path) -> None:
    assert rows(
        warehouse,
        "select count(*) > 0, sum(delivered) = sum(accepted)"
        " from quality.reconciliation",
    ) == [(True, True)]
    assert rows(
        warehouse,
        "select distinct file_name from staging.stg_shopify__orders"
        " join ops.file_ledger on file_id = _file_id",
    ) == [("exports.zip/shopify/orders_2026-10-31.csv",)]
