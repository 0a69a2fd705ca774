"""Tables in the schemas of four vendors: each record of each file is in the balance."""

import csv
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support import shared
from tests.unit.gate import COSTS, RULES, Gate, gate_of


def test_every_record_of_the_vendors_files_is_accepted_or_the_copy_of_one_that_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(shared("vendor_seeds").rglob("*.csv"))
    assert len(paths) > 100
    connection = gate_of(tmp_path, COSTS).connection

    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            header, *records = [record for record in reader if record]
            lines = reader.line_num
        copies = len(records) - len(Counter(map(tuple, records)))
        contract = replace(
            COSTS,
            source=path.parent.name,
            export=path.stem,
            files=(path.name,),
            columns=(),
            required=frozenset(),
            email_columns=(),
        )
        monkeypatch.setitem(RULES, contract.key, [])
        gate = Gate(tmp_path, connection, contract)

        gate.deliver(path.name, path.read_bytes().decode())
        gate.judge()

        [row] = gate.landed
        assert row.rows_rejected == 0, path.name
        assert len(row.columns) == len(header), path.name
        assert gate.figures() == [(len(records), len(records) - copies, 0, copies)], (
            path.name
        )
        [(last_line,)] = gate.all(f"select max(_line) from {gate.export.table}")
        assert len(records) < last_line <= lines, path.name
