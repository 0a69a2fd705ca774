"""The systems that not every simulation runs: their files land as the truth says."""

import csv
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from orchestration.lib.landing import lander
from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.landing.landing_place import claimed, delivered_files
from orchestration.lib.simulate import DefectRates, SimulatedCompany, simulate
from orchestration.lib.simulate.company import OTHER_EXPORTS
from orchestration.settings import PROJECT

CONTRACTS = read_contracts(PROJECT / "models")

Cells = dict[str, str | None]


def every_system(
    out: Path, rates: DefectRates, threads: int | None = None
) -> SimulatedCompany:
    return simulate(out, customers=400, rates=rates, every_system=True, threads=threads)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A company without a single defect."""
    out = tmp_path_factory.mktemp("clean") / "company"
    return every_system(out, DefectRates.none())


@pytest.fixture(scope="module")
def dirty(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """A company with every kind of defect in plenty."""
    out = tmp_path_factory.mktemp("dirty") / "company"
    return every_system(out, DefectRates.all(0.05), threads=3)


@pytest.fixture(scope="module")
def undoable(tmp_path_factory: pytest.TempPathFactory) -> SimulatedCompany:
    """The same but for tenge and kopecks, which touch cells that no truth names."""
    out = tmp_path_factory.mktemp("undoable") / "company"
    rates = replace(DefectRates.all(0.05), currency_without_rate=0.0, minor_units=0.0)
    return every_system(out, rates)


def defects_by_file(company: SimulatedCompany) -> dict[str, list[dict[str, str]]]:
    defects = defaultdict(list)
    with company.paths["truth/defects.csv"].open(newline="") as file:
        for defect in csv.DictReader(file):
            defects[defect["file_name"]].append(defect)
    return defects


def landed(company: SimulatedCompany, name: str, raw: Path) -> dict[int, Cells]:
    """The rows of a file as the pipeline reads them, by line."""
    files, _ = claimed(delivered_files(company.out), CONTRACTS)
    [(contract, file)] = [
        (contract, file)
        for contract in CONTRACTS
        for file in files[contract.key]
        if file.name == name
    ]
    [row] = lander.land_export(
        contract, [file], raw=raw, known=[], now=datetime.now(UTC)
    )
    assert (row.outcome, row.rows_rejected, row.columns_extra, row.columns_missing) == (
        "landed", 0, (), ()
    )  # fmt: skip
    table = parquet.read_table(lander.data_path(raw, row)).drop_columns(
        ["_file_id", "_loaded_at"]
    )
    return {record.pop("_line"): record for record in table.to_pylist()}


def test_every_system_gives_the_same_bytes_on_any_number_of_threads(
    dirty: SimulatedCompany, tmp_path: Path
) -> None:
    again = every_system(tmp_path / "company", DefectRates.all(0.05), threads=1)

    for name, path in dirty.paths.items():
        assert path.read_bytes() == again.paths[name].read_bytes(), name


@pytest.mark.parametrize("name", OTHER_EXPORTS)
def test_every_row_lands_and_every_defect_stands_on_its_line(
    dirty: SimulatedCompany, name: str, tmp_path: Path
) -> None:
    rows = landed(dirty, name, tmp_path / "raw")

    assert len(rows) == dirty.rows[name]
    defects = defects_by_file(dirty)[name]
    assert defects
    for defect in defects:
        row = rows[int(defect["line"])]
        if defect["rule"] == "exact_duplicate":
            assert row == rows[int(defect["true_value"])]
        else:
            assert (row[defect["column_name"]] or "") == defect["delivered_value"]
            assert defect["true_value"] != defect["delivered_value"]


@pytest.mark.parametrize("name", OTHER_EXPORTS)
def test_undoing_the_defects_gives_the_rows_of_a_clean_company(
    clean: SimulatedCompany, undoable: SimulatedCompany, name: str, tmp_path: Path
) -> None:
    rows = landed(undoable, name, tmp_path / "undoable")

    for defect in defects_by_file(undoable)[name]:
        if defect["rule"] == "exact_duplicate":
            del rows[int(defect["line"])]
        else:
            rows[int(defect["line"])][defect["column_name"]] = defect["true_value"]

    assert list(rows.values()) == list(landed(clean, name, tmp_path / "clean").values())


def test_the_truth_says_whose_the_records_of_every_system_are(
    clean: SimulatedCompany,
) -> None:
    with clean.paths["truth/records.csv"].open(newline="") as file:
        records = [
            (row["source"], row["export"], row["record_id"])
            for row in csv.DictReader(file)
        ]
    with (PROJECT / "seeds/source_ranks.csv").open(newline="") as file:
        ranked = {(row["source"], row["export"]) for row in csv.DictReader(file)}

    # Mailchimp delivers its members by their state; the others name nobody here.
    elsewhere = {
        ("mailchimp", "members"),
        ("bitrix_shop", "orders"),
        ("online_retail", "invoice_lines"),
    }
    assert len(records) == len(set(records))
    assert ranked - elsewhere <= {(source, export) for source, export, _ in records}
