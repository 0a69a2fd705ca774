"""`make bench`: what the gate finds of the defects that were planted, rule by rule.

    python benchmarks/quality.py [--customers 10000] [--defects 0.02]

A company with every system and every kind of defect is delivered as one zip archive and
run through the whole pipeline. Every finding is held against `truth/defects.csv` by
file, line, column and rule. Prints a table and writes `var/bench/quality.json`; fails
when a rule's precision or recall is below 0.99.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.quality.suites import read_suite
from orchestration.lib.simulate import DefectRates, simulate
from orchestration.settings import PROJECT

AS_OF = "2026-10-31"
LEAST = 0.99

# A doubled row is found as a duplicate; a row that waits for another one of its order
# has no defect of its own.
FINDINGS = """
create table found as
select distinct
    regexp_replace(file_name, '^.*[.]zip/', '') as file_name,
    line,
    column_name,
    rule
from (
    select source, export, file_id, line, column_name, rule
    from warehouse.quality.quarantine
    where rule not in ('held_with_its_group', 'group_without_header')
    union all
    select source, export, file_id, line, null, 'exact_duplicate'
    from warehouse.quality.duplicates
)
inner join warehouse.ops.file_ledger using (source, export, file_id)
where outcome in ('landed', 'partly')
"""
# Blank cells are a defect where a suite asks for a value; amounts in minor units are
# declared so and need no finding.
PLANTED = """
create table planted as
select distinct
    file_name,
    line,
    defects.column_name,
    if(rule = 'missing_value', 'missing', rule) as rule
from read_csv(
    ?, all_varchar = true, header = true, delim = ',', quote = '"', escape = '"'
) as defects
left join required using (source, export, column_name)
where rule <> 'minor_units'
    and (rule <> 'missing_value' or required.column_name is not null)
"""
SCORES = """
select
    coalesce(found.rule, planted.rule) as rule,
    count(planted.rule) as planted,
    count(found.rule) as found,
    count(*) filter (found.rule is not null and planted.rule is not null) as agreed
from found
full join planted
    on planted.file_name = found.file_name
    and planted.line::bigint = found.line
    and planted.rule = found.rule
    and planted.column_name is not distinct from found.column_name
group by all
order by rule
"""


def main() -> None:
    """Deliver, run, and hold the findings against the truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=10_000)
    parser.add_argument("--defects", type=float, default=0.02)
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="crm360-bench-"))
    try:
        company = simulate(
            scratch / "company",
            customers=arguments.customers,
            rates=DefectRates.all(arguments.defects),
            every_system=True,
        )
        truth = company.out / "truth" / "defects.csv"
        landing = scratch / "landing"
        landing.mkdir()
        shutil.make_archive(str(landing / "exports"), "zip", company.out)
        _run(landing, scratch / "home")
        scores = _scores(scratch / "home" / "warehouse.duckdb", truth)
    finally:
        shutil.rmtree(scratch)
    files = sum(not name.startswith("truth/") for name in company.rows)
    print(f"{arguments.customers:,} customers, {files} files, rate {arguments.defects}")
    print(f"{'rule':24} {'planted':>9} {'found':>9} {'precision':>10} {'recall':>8}")
    for rule, score in scores.items():
        print(
            f"{rule:24} {score['planted']:9,} {score['found']:9,}"
            f" {score['precision']:10.4f} {score['recall']:8.4f}"
        )
    report = PROJECT / "var" / "bench" / "quality.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(scores, indent=2))
    if any(min(each["precision"], each["recall"]) < LEAST for each in scores.values()):
        sys.exit(f"a rule is below {LEAST}")


def _run(landing: Path, home: Path) -> None:
    home.mkdir()
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("crm360")), "run",
            "--landing", str(landing), "--as-of", AS_OF,
        ],
        env={
            **os.environ,
            "CRM360_HOME": str(home),
            "CRM360_CONFIG": str(home / "crm360.toml"),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"the run failed:\n{done.stderr[-5000:]}")


def _scores(warehouse: Path, truth: Path) -> dict[str, dict[str, Any]]:
    """By rule: planted, found, precision and recall."""
    required = [
        (contract.source, contract.export, binding.column)
        for contract in read_contracts(PROJECT / "models")
        for binding in read_suite(
            PROJECT / "expectations", contract.source, contract.export
        ).bindings
        if binding.rule.id == "missing"
    ]
    with duckdb.connect() as connection:
        connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
        connection.execute(
            "create table required (source text, export text, column_name text)"
        )
        connection.executemany("insert into required values (?, ?, ?)", required)
        connection.execute(FINDINGS)
        connection.execute(PLANTED, [str(truth)])
        return {
            rule: {
                "planted": planted,
                "found": found,
                "precision": agreed / found if found else 1.0,
                "recall": agreed / planted if planted else 1.0,
            }
            for rule, planted, found, agreed in connection.execute(SCORES).fetchall()
        }


if __name__ == "__main__":
    main()
